"""The worker and its handlers."""
