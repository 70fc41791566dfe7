"""Adaptive levels once more, image by image and in plain Python: what the fast sweep must equal."""


def margin(scores):
    """Best score minus second best."""
    ordered = sorted(map(int, scores), reverse=True)
    return ordered[0] - ordered[1]


def climb(margins, correct, thresholds, cycles):
    """Images answered at each rung, right answers and cycles, one image after the other."""
    answered, right, spent = [0] * len(cycles), 0, 0
    for image in range(len(margins[0])):
        for rung, cost in enumerate(cycles):
            last = rung == len(cycles) - 1
            if not last and thresholds[rung] is None:
                continue
            spent += cost
            if last or margins[rung][image] >= thresholds[rung]:
                answered[rung] += 1
                right += int(correct[rung][image])
                break
    return answered, right, spent


def combinations(margins, steps, rungs, images):
    """Every list of thresholds that a sweep tries, with the rungs from the first one on."""
    if len(rungs) == 1 or not images:
        return [[None] * (len(rungs) - 1)]
    rung, rest = rungs[0], rungs[1:]
    found = [[None, *above] for above in combinations(margins, steps, rest, images)]
    falling = sorted((int(margins[rung][image]) for image in images), reverse=True)
    tried = []
    for step in range(1, steps + 1):
        wanted = step * len(falling) // steps
        if wanted == 0:
            continue
        threshold = falling[wanted - 1]
        if all(number >= threshold for number in falling):
            threshold = 0
        if threshold in tried:
            continue
        tried.append(threshold)
        left = [image for image in images if margins[rung][image] < threshold]
        found += [[threshold, *above] for above in combinations(margins, steps, rest, left)]
    return found


def curve(margins, correct, cycles, steps):
    """(thresholds, right answers, cycles) of the points that a sweep gives, cheapest first."""
    points = []
    for thresholds in combinations(margins, steps, list(range(len(cycles))), list(range(len(margins[0])))):
        _, right, spent = climb(margins, correct, thresholds, cycles)
        points.append((tuple(thresholds), right, spent))
    points.sort(key=lambda point: (point[2], -point[1]))
    if len(cycles) == 2:
        return points
    return [point for place, point in enumerate(points) if all(point[1] > cheaper[1] for cheaper in points[:place])]


def choice(points, full, images, hundredths):
    """The cheapest point within so many hundredths of a percent point of `full` right answers."""
    return next(point for point in points if (full - point[1]) * 10_000 <= hundredths * images)
