/* SPDX-License-Identifier: MIT */
/*
 * cases.h - what the suite asks of a cache: one row a case, in the order in which they run.
 *
 * The numbers are those of the list in docs/COLLAPSING.md; some have several cases here.
 */
#ifndef COLLAPSING_CASES_H
#define COLLAPSING_CASES_H

#include <stddef.h>

#include "../trial.h"

enum case_way {
    ON_EVERY_WAY,
    ON_ROUTES, /* not with --fetch */
    ON_FETCH,  /* with --fetch alone */
};

struct collapsing_case {
    unsigned number;
    const char *id;
    const char *promise;
    void (*run)(struct trial *trial);
    enum case_way way;
    const char *why_not; /* on the other way; NULL where it runs on every */
};

extern const struct collapsing_case collapsing_cases[];
extern const size_t collapsing_case_count;

void case_01_first_leaves(struct trial *trial);
void case_01_first_leaves_in_body(struct trial *trial);
void case_02_last_leaves(struct trial *trial);
void case_02_last_leaves_near_end(struct trial *trial);
void case_03_slow_reader(struct trial *trial);
void case_03_late_joiner(struct trial *trial);
void case_04_closed_before_head(struct trial *trial);
void case_04_refused(struct trial *trial);
void case_05_error_is_shared(struct trial *trial);
void case_06_refusals(struct trial *trial);
void case_07_breaks_off(struct trial *trial);
void case_07_breaks_off_chunked(struct trial *trial);
void case_07_breaks_off_resumable(struct trial *trial);
void case_08_stalls(struct trial *trial);
void case_09_old_fetch(struct trial *trial);
void case_11_waiters_leave(struct trial *trial);
void case_13_private(struct trial *trial);
void case_13_no_store(struct trial *trial);
void case_13_set_cookie(struct trial *trial);
void case_13_marker(struct trial *trial);
void case_13_marker_is_cleared(struct trial *trial);
void case_14_no_cache(struct trial *trial);
void case_14_max_age_0(struct trial *trial);
void case_14_joined_in_body(struct trial *trial);
void case_14_revalidation_is_shared(struct trial *trial);
void case_15_vary_known(struct trial *trial);
void case_16_vary_learned(struct trial *trial);
void case_16_vary_star(struct trial *trial);
void case_17_authorization(struct trial *trial);
void case_17_cookie(struct trial *trial);
void case_18_range_in_flight(struct trial *trial);
void case_18_ranges_cold(struct trial *trial);
void case_19_conditions(struct trial *trial);
void case_20_head_and_get(struct trial *trial);
void case_21_posts(struct trial *trial);
void case_21_post_invalidates(struct trial *trial);
void case_21_post_during_fetch(struct trial *trial);
void case_22_no_cache_request(struct trial *trial);
void case_22_only_if_cached(struct trial *trial);
void case_23_too_long_known(struct trial *trial);
void case_24_crosses_limit(struct trial *trial);
void case_25_excess_bytes(struct trial *trial);
void case_25_both_framings(struct trial *trial);
void case_25_unasked_304(struct trial *trial);
void case_25_unasked_206(struct trial *trial);
void case_26_redirect_circle(struct trial *trial);
void case_29_stale_while_revalidate(struct trial *trial);
void case_29_stale_if_error(struct trial *trial);
void case_30_arrive_while_storing(struct trial *trial);
void case_37_spellings(struct trial *trial);
void case_37_different_urls(struct trial *trial);
void case_wait_cold_crowd(struct trial *trial);
void case_wait_uncacheable_crowd(struct trial *trial);

#endif
