"""Which folding each layer gets: `choose` reads or balances one, `fit` searches the best for a board.

A search: `fronts` lists the foldings of each layer, `choices` joins them to a graph of `edges` at `likely` depths, with
branches one after another by `walk`, `paths` finds its cheapest path, and `search` asks for it. `balanced` is for
networks in which too many branches wait at a time.
"""
