"""Use cases: one public function each, first argument `work`."""
