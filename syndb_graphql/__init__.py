"""SynDB GraphQL: metrics of neurons from many laboratories, as one graph."""

__version__ = "0.1.0"
