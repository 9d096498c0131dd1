"""The ISO 8583 door: card authorizations over TCP."""
