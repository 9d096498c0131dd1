"""The demo: an invented leak replayed month by month, and what each rule would have said."""
