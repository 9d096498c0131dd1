"""Dated tables of law, rules and texts, and their loader."""
