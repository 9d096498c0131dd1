"""The words of the product: frozen types that import nothing of ours."""
