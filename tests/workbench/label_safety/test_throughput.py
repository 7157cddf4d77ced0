from workbench.imaging.augmentation import OPERATIONS, Augmentation
from workbench.label_safety.throughput import ThroughputMeter


def test_every_operation_has_a_cost_of_its_own_and_all_together_cost_more_than_the_dearest() -> None:
    costs = ThroughputMeter()
    everything = Augmentation.from_dict({operation.name: {"enabled": True} for operation in OPERATIONS})
    cost = costs.of(everything)
    assert set(cost.alone) == {operation.name for operation in OPERATIONS}
    assert all(rate > 0 for rate in cost.alone.values())
    assert cost.together < cost.alone["brightness"]


def test_what_was_measured_once_stays_as_it_is() -> None:
    costs = ThroughputMeter()
    assert costs.of(Augmentation()) == costs.of(Augmentation())


def test_with_nothing_switched_on_there_is_hardly_a_cost() -> None:
    cost = ThroughputMeter().of(Augmentation.off())
    assert cost.together > cost.alone["noise"]
