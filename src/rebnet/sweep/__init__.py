"""Sweeps: the points of a study as steps that they share, run by a few processes or by the machines of a Ray cluster.

    study     STUDY.toml as frozen points, each a mapping of coordinates; what a verb takes is told from outside
    plan      points to steps: a verb with its options, named after the hash of all that it depends on
    folder    DIR: its lock, the folder and the record of every step, the folders of points
    run       which step comes next, what came of it, what is tried again; knows nobody's processes
    local     steps in a few processes of this machine, with its cores and its memory shared among them
    cluster   steps on the machines of a Ray cluster; the one file that imports Ray

What a step does is told from outside too: the verbs stand above and are called by `rebnet.flow`.
"""
