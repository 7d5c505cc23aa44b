"""Where the compiled model runs: embedded on DuckDB, or on a Spark cluster, with the same answers."""
