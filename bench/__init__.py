"""Side-by-side measuring of this server, hand-written limits, stock Strawberry and the GraphQL servers a user would else pick.

`make bench` (this server, limits, stock Strawberry: needs Python alone) or `make bench PEERS=1` (the others too). One run is
`bench.run`; `bench.gate` is the small one that holds the ratios in CI. Linux only: processes are watched through /proc.

Only ratios of one run mean something, since machines drift: each round asks every server in turn, and what is shown is the
median of the rounds' ratios. Every answer is compared with SQLite before it is timed, and its length while it is.
"""
