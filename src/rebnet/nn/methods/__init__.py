"""Methods of binarization in torch: what `rebnet.methods` describes, one part a file.

`rebnet.nn.build.build` puts them where a network needs them, and `rebnet.nn.methods.absorb` makes at the end of a
training a plain network of those that cost nothing.
"""
