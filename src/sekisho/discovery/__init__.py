"""Find stored card data: numbers, security codes and track data, wherever they lie.

Bytes come in through `sources` (folders, archives, documents, mail, databases), the compiled
`kernel` picks the few places worth a look, `judge` says how sure it is, and what goes out is a
`Finding`: masked, always.
"""
