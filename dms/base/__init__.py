"""Errors, ids, actor, clock, settings, paging and canonical bytes: imports nothing of ours."""
