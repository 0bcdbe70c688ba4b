"""Who may and who did: authentication, the access decision, and the access log."""
