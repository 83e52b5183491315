import pytest

from training.scoring.reward import CIDER_SCALE, Reward
from training.stages.self_critical import ended
from workers.models.embedded.decoder_input import BOS, EOS, PAD, UNKNOWN

END = 2
DOG, RUNS, GRASS, CAT, SLEEPS, BED, A = range(10, 17)
PICTURES = [
    [[A, DOG, RUNS, GRASS, END], [A, DOG, GRASS, END]],
    [[A, CAT, SLEEPS, BED, END], [A, CAT, BED, END]],
    [[A, CAT, RUNS, END]],
]


@pytest.fixture(scope="module")
def reward() -> Reward:
    return Reward(PICTURES, ["coco"] * 3)


def test_a_person_s_own_caption_is_worth_more_than_half_of_it(reward: Reward) -> None:
    assert reward(0, PICTURES[0][0]) > reward(0, PICTURES[0][0][:2]) > 0


def test_another_picture_s_caption_is_worth_next_to_nothing(reward: Reward) -> None:
    assert reward(0, PICTURES[1][0]) < 0.2 * reward(1, PICTURES[1][0])


def test_a_caption_that_stops_without_its_end_is_worth_less(reward: Reward) -> None:
    assert reward(0, [A, DOG, RUNS, GRASS]) < reward(0, [A, DOG, RUNS, GRASS, END])


def test_saying_a_good_word_again_does_not_pay(reward: Reward) -> None:
    assert reward(0, [A, DOG, DOG, DOG, END]) < reward(0, [A, DOG, GRASS, END])


def test_words_that_every_picture_has_are_worth_less_than_rare_ones(reward: Reward) -> None:
    assert reward(0, [A, END]) < reward(0, [DOG, END])


def test_the_only_reference_itself_has_all_there_is_to_have() -> None:
    # Four sizes of grams alike, no length to punish, a BLEU of one and a recall of one.
    alone = Reward([[[A, DOG, RUNS, GRASS, END]], [[CAT, SLEEPS, BED, END]]], ["coco", "coco"])
    assert alone(0, [A, DOG, RUNS, GRASS, END]) == pytest.approx(CIDER_SCALE + 1.0)


def test_what_is_rare_is_asked_of_the_picture_s_own_set() -> None:
    dogs = [[A, DOG, n, END] for n in range(30, 34)]
    cats = [[A, CAT, n, END] for n in range(40, 44)]
    apart = Reward([[caption] for caption in dogs + cats], ["flickr8k"] * 4 + ["coco"] * 4)

    # Every picture of its own set has a dog, so a dog tells it from none of them, though no cat's picture has one.
    assert apart(0, [A, DOG, END]) < Reward([[caption] for caption in dogs + cats], ["coco"] * 8)(0, [A, DOG, END])


def test_more_of_what_a_person_said_is_worth_more_than_a_short_caption() -> None:
    long = [A, DOG, RUNS, A, GRASS, BED, END]
    alone = Reward([[long], [[A, CAT, END]]], ["coco"] * 2)
    assert alone(0, [A, DOG, RUNS, A, GRASS, END]) > alone(0, [A, DOG, END])


def test_a_drawn_caption_ends_once_and_keeps_its_length_where_padding_was_drawn() -> None:
    assert ended([BOS, A, PAD, DOG, EOS, PAD, PAD]) == [BOS, A, UNKNOWN, DOG, EOS]
    assert ended([BOS, A, DOG]) == [BOS, A, DOG, EOS]
