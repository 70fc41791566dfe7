"""When everything in an accelerator happens: `processes` says who waits for whom, `schedule` and `pace` solve it.

`deadlock` refuses those who wait for each other in a circle. `cycle_model` asks what a run takes, `depths` how deep the
buffers must be, `from_text` what a text alone can know.
"""
