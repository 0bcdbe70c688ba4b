"""Reading content that may be hostile: in processes apart, each for one file and within limits."""
