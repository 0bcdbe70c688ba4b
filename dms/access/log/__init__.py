"""The access log: who did what, durable before the answer. Alone touches the log's tables."""

from dms.access.log.closing import AccessLog, open_log

__all__ = ["AccessLog", "open_log"]
