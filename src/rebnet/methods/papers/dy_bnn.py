"""DyBNN: ReActNet whose thresholds each image makes for itself.

Source: Zhang et al., "Dynamic Binary Neural Network by learning channel-wise thresholds" (arXiv:2110.05185): a hyper
function of the global average of the map gives the thresholds of DySign. Chosen here: two dense layers, a sixteenth
as wide between, whose result starts at 0; and the shifts of its DyPReLU are static, those of RPReLU.
"""

from dataclasses import replace

from rebnet.methods.activations import Dynamic
from rebnet.methods.papers import reactnet

METHOD = replace(
    reactnet.METHOD,
    name="dy-bnn",
    title="DyBNN",
    source="arXiv:2110.05185",
    activation=replace(reactnet.METHOD.activation, threshold=Dynamic(16)),
    in_hardware="reactnet",
)
