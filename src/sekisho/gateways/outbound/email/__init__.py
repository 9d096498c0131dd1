"""E-mail over SMTP (RFC 5321): the text, the signature, the delivery, the pace."""
