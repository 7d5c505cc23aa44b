"""Who is who: source people, leads and contacts become persons."""
