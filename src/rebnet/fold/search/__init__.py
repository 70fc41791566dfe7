"""Which folding each layer gets: `choose` reads or balances one, `fit` searches the best for a board.

A search: `fronts` lists the foldings of each layer, `choices` joins them to a graph at `likely` depths, `paths` finds
its cheapest path, and `search` asks for it.
"""
