"""``sekisho load``: authorizations played against a door at a given rate, open loop."""
