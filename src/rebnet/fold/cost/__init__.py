"""What an accelerator takes of a device: `features` count what is there, `model` weighs them as synthesis does."""
