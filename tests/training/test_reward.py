import pytest

from training.scoring.reward import CIDER_SCALE, Reward
from training.stages.self_critical import end_at_eos
from workers.models.embedded.decoder_input import BOS, EOS, PAD, UNKNOWN

END = 2
DOG, RUNS, GRASS, CAT, SLEEPS, BED, A = range(10, 17)
IMAGES = [
    [[A, DOG, RUNS, GRASS, END], [A, DOG, GRASS, END]],
    [[A, CAT, SLEEPS, BED, END], [A, CAT, BED, END]],
    [[A, CAT, RUNS, END]],
]


@pytest.fixture(scope="module")
def reward() -> Reward:
    return Reward(IMAGES, ["coco"] * 3)


def test_a_reference_scores_higher_than_half_of_it(reward: Reward) -> None:
    assert reward(0, IMAGES[0][0]) > reward(0, IMAGES[0][0][:2]) > 0


def test_the_caption_of_another_image_scores_near_zero(reward: Reward) -> None:
    assert reward(0, IMAGES[1][0]) < 0.2 * reward(1, IMAGES[1][0])


def test_a_caption_without_eos_scores_lower(reward: Reward) -> None:
    assert reward(0, [A, DOG, RUNS, GRASS]) < reward(0, [A, DOG, RUNS, GRASS, END])


def test_repeating_a_matching_word_scores_lower(reward: Reward) -> None:
    assert reward(0, [A, DOG, DOG, DOG, END]) < reward(0, [A, DOG, GRASS, END])


def test_frequent_words_score_lower_than_rare_ones(reward: Reward) -> None:
    assert reward(0, [A, END]) < reward(0, [DOG, END])


def test_the_only_reference_has_the_maximal_score() -> None:
    # CIDEr-D of identical n-grams and length, half of a BLEU of one, half of an F-measure of one.
    alone = Reward([[[A, DOG, RUNS, GRASS, END]], [[CAT, SLEEPS, BED, END]]], ["coco", "coco"])
    assert alone(0, [A, DOG, RUNS, GRASS, END]) == pytest.approx(CIDER_SCALE + 1.0)


def test_word_frequency_is_counted_within_the_dataset_of_the_image() -> None:
    dogs = [[A, DOG, n, END] for n in range(30, 34)]
    cats = [[A, CAT, n, END] for n in range(40, 44)]
    separate = Reward([[caption] for caption in dogs + cats], ["flickr8k"] * 4 + ["coco"] * 4)

    # A dog is in every image of its own dataset and in none of the other.
    assert separate(0, [A, DOG, END]) < Reward([[caption] for caption in dogs + cats], ["coco"] * 8)(0, [A, DOG, END])


def test_a_longer_match_scores_higher_than_a_short_caption() -> None:
    long = [A, DOG, RUNS, A, GRASS, BED, END]
    alone = Reward([[long], [[A, CAT, END]]], ["coco"] * 2)
    assert alone(0, [A, DOG, RUNS, A, GRASS, END]) > alone(0, [A, DOG, END])


def test_a_sampled_caption_ends_at_its_first_eos_and_keeps_sampled_padding_as_unknown() -> None:
    assert end_at_eos([BOS, A, PAD, DOG, EOS, PAD, PAD]) == [BOS, A, UNKNOWN, DOG, EOS]
    assert end_at_eos([BOS, A, DOG]) == [BOS, A, DOG, EOS]
