"""Time of a training step of every method of binarization over that of ReBNet with one level, in one run.

    python benchmarks/method_steps.py [--network resnet-20] [--batch 50] [--compiled] [--methods ir-net reactnet]
                                      [--references]

On this machine's CPU, all threads, on synthetic images in the shape of CIFAR-10, with the recipe that
`rebnet train --method` takes: loss, gradients, optimizer and what the method does to its weights afterwards. Steps are
those of a short training, which is not compiled; `--compiled` takes those of a long one. Then come interleaved rounds,
each of which starts with another method; what is printed is the median over the rounds of a method's time over that of
ReBNet with one level in the same round, the smallest and the largest. `--references` adds ResNet-20 as others write it:
see `step_references`.
"""

import argparse
import statistics

import torch

from rebnet.methods import METHODS, REBNET
from rebnet.nn.build import build
from rebnet.nn.networks import architecture
from rebnet.train.images import Images
from rebnet.train.optimizers import make_optimizer
from rebnet.train.recipe import recipe_for, with_options
from rebnet.train.step import is_compiled, make_loss, runnable, take_step
from step_references import references
from training_step import CLASSES, Contestant, run_rounds


def contestant(method: str, levels: int, network: str, batch: Images, compiled: bool) -> Contestant:
    """A method's steps."""
    recipe = runnable(recipe_for("cifar10", with_options("cifar10", None, method=method)))
    described = recipe.applied(architecture(network))
    torch.manual_seed(0)
    model = build(described, levels, 8, recipe.gradient, recipe.estimator, method=METHODS[method])
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.train()
    loss_of = make_loss(model, recipe, 10**6 if compiled else 1, batch)
    optimizer = make_optimizer(model, recipe)
    way = f"{'compiled' if is_compiled(loss_of) else 'eager'}, {recipe.precision}"
    name = f"{method}, M = {levels}" if levels > 1 else method
    return Contestant(name, way, lambda: take_step(model, optimizer, loss_of, batch, 1e-3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="resnet-20", help="name or text, of images of 32 x 32 x 3 and 10 classes")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="steps of a method in a round")
    parser.add_argument("--compiled", action="store_true", help="compile the steps, as for a long training")
    parser.add_argument("--references", action="store_true", help="ResNet-20 as larq and Brevitas compute it, too")
    options = parser.parse_args()
    if options.references and options.network != "resnet-20":
        parser.error("--references are ResNet-20; leave --network out")
    pixels = torch.randint(0, 256, (options.batch, 32, 32, 3), dtype=torch.uint8)
    batch = Images(pixels, torch.randint(0, CLASSES, (options.batch,)))
    chosen = [(name, 1) for name in dict.fromkeys((REBNET.name, *options.methods))]
    chosen[1:1] = [(REBNET.name, levels) for levels in (2, 3)]
    contestants = [contestant(*one, options.network, batch, options.compiled) for one in chosen]
    if options.references:
        bfloat16 = runnable(recipe_for("cifar10", with_options("cifar10", None))).precision == "bfloat16"
        way = f"{'compiled' if options.compiled else 'eager'}, {'bfloat16' if bfloat16 else 'float32'}"
        found = references(batch, options.compiled, bfloat16)
        contestants += [
            Contestant(name, way if name != "brevitas" else way.replace("compiled", "eager"), step)
            for name, step in found.items()
        ]
    run_rounds(contestants, options.rounds, options.steps)
    base = contestants[0]
    for one in contestants:
        ratios = [mine / other for mine, other in zip(one.rounds_ms, base.rounds_ms, strict=True)]
        print(
            f"{one.name:28} {statistics.median(ratios):5.2f}  ({min(ratios):.2f} to {max(ratios):.2f})  "
            f"{one.median_ms:7.1f} ms, {one.way}",
            flush=True,
        )


if __name__ == "__main__":
    main()
