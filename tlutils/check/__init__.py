"""Checks for the exercises, `tl.check.NAME(answer)`: what is right, what is wrong, where to look."""

from tlutils.check.across_languages import found_among, leaked_sentences, loss_of_one_row
from tlutils.check.adaptation_objective import choice_without_labels, floor_of_biased_mmd, unbiased_mmd
from tlutils.check.adversarial_adaptation import accuracy_when_alike, adversarial_loss, run_to_keep
from tlutils.check.choosing import leep_of_two_draws, regret_of_a_shortlist, what_logme_sees
from tlutils.check.driving_city_to_city import reach_of_weights, remedy_for_each_city, weight_for_a_new_city
from tlutils.check.driving_sim_to_real import share_on_the_road, turned_over, what_the_drives_show
from tlutils.check.explaining import cka_of_two_layers, excess_of_a_spot, five_maps_two_tests
from tlutils.check.feature_transfer import frozen_for_good, speed_of_kept_features, standardised_apart
from tlutils.check.image_classification import mended_loop, pooled_shares, size_of_new_layer
from tlutils.check.inductive import errors_removed, settings_of_transfer, unfair_comparisons
from tlutils.check.language import honest_words, luck_of_a_coin, same_in_company
from tlutils.check.medical_imaging import best_sensitivity, split_by_patient, true_alarms
from tlutils.check.model_transfer import five_ways_told_apart, highest_saving_rank, pull_to_the_start
from tlutils.check.negative_transfer import ceiling_of_equal_clouds, class_shares_from_guesses, guard_on_validation
from tlutils.check.transductive import lowest_accuracy, standardised_without_labels, weighted_accuracy
from tlutils.check.unsupervised import accuracy_of_groups, loss_of_agreeing_views, stable_choice
from tlutils.check.verdict import NotAttempted, NotYet
from tlutils.check.what_is_transfer import accuracy_under_label_shift, break_even_share, kinds_of_shift
from tlutils.check.where_it_is_going import (
    accuracy_on_a_sorted_stream,
    seconds_of_a_step,
    statistics_of_the_whole_batch,
)
from tlutils.check.why_transfer import paired_interval, standing_conclusions, unseen_photographs
from tlutils.check.your_own_data import accuracy_on_new_photographs, copies_in_the_mirror, which_conclusions_stand

__all__ = [
    "NotAttempted",
    "NotYet",
    "accuracy_of_groups",
    "accuracy_on_a_sorted_stream",
    "accuracy_on_new_photographs",
    "accuracy_under_label_shift",
    "accuracy_when_alike",
    "adversarial_loss",
    "best_sensitivity",
    "break_even_share",
    "ceiling_of_equal_clouds",
    "choice_without_labels",
    "cka_of_two_layers",
    "class_shares_from_guesses",
    "copies_in_the_mirror",
    "errors_removed",
    "excess_of_a_spot",
    "five_maps_two_tests",
    "five_ways_told_apart",
    "floor_of_biased_mmd",
    "found_among",
    "frozen_for_good",
    "guard_on_validation",
    "highest_saving_rank",
    "honest_words",
    "kinds_of_shift",
    "leaked_sentences",
    "leep_of_two_draws",
    "loss_of_agreeing_views",
    "loss_of_one_row",
    "lowest_accuracy",
    "luck_of_a_coin",
    "mended_loop",
    "paired_interval",
    "pooled_shares",
    "pull_to_the_start",
    "reach_of_weights",
    "regret_of_a_shortlist",
    "remedy_for_each_city",
    "run_to_keep",
    "same_in_company",
    "seconds_of_a_step",
    "settings_of_transfer",
    "share_on_the_road",
    "size_of_new_layer",
    "speed_of_kept_features",
    "split_by_patient",
    "stable_choice",
    "standardised_apart",
    "standardised_without_labels",
    "standing_conclusions",
    "statistics_of_the_whole_batch",
    "true_alarms",
    "turned_over",
    "unbiased_mmd",
    "unfair_comparisons",
    "unseen_photographs",
    "weight_for_a_new_city",
    "weighted_accuracy",
    "what_logme_sees",
    "what_the_drives_show",
    "which_conclusions_stand",
]
