"""Database engine, unit of work, content and keys: everything that keeps something."""
