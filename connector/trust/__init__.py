"""Before and after going live: provisioning, limits, pause, baseline."""
