"""Who may: log-in, policy, predicates and the gate."""
