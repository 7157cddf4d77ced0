"""Jobs that outlive a restart."""
