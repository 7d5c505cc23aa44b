"""What records may be: properties, their groups, pipelines and their stages."""
