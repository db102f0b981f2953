"""The list of what is tried: what goes wrong, and what must hold. Tests here carry its numbers in their names.

A check that another test of the suite makes is named by that test; one that cannot be made says why. ``test_checks.py``
holds the list complete. ``python3 run.py test --faults`` runs all of these with the full numbers.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One check: what happens, what must hold, and where it is tried if not here."""

    promise: str
    elsewhere: tuple[str, ...] = ()
    # Why there is nothing to try, in whole or in part.
    not_here: str = ""


_NO_ACCOUNTS = "There are no accounts: the server can be reached from this machine only, and D59 holds that."
_NO_PROVIDERS = "No language model is called: app/providers is empty, and no setting names an address or a key."
_BACKUPS, _HISTORY = "tests/services/test_backups.py::", "tests/services/test_history.py::"
_IMPORTS, _API_IMPORTS = "tests/services/test_imports.py::", "tests/api/test_imports.py::"
_READING, _DOOR, _PAGES = "tests/core/formats/test_reading.py::", "tests/test_frontdoor.py::", "tests/blueprints/"
_SERVE, _PATTERNS = "tests/cli/test_serve.py::", "tests/core/cleaning/test_replace.py::"
_EVERY, _KEYS = "tests/blueprints/test_every_page.py::", "tests/test_keys.py::"

CHECKS = {
    # Durability and jobs
    "D01": Check(
        "kill -9 in an import of 100,000 rows, 50 times: all of it or nothing, whole files, a job that can be retried",
        ("tests/jobs/test_kills.py::test_a_killed_import_is_whole_or_not_there",),
    ),
    "D02": Check(
        "kill -9 in a bulk clean, 50 times: all of it or nothing",
        ("tests/jobs/test_cleaning_kills.py::test_what_is_killed_has_happened_or_not",),
    ),
    "D03": Check(
        "kill -9 in a merge of duplicates, 50 times: pairs before = pairs after + removed",
        (
            "tests/jobs/test_duplicates_kills.py::test_settling_that_is_killed_has_happened_or_not",
            "tests/jobs/test_duplicates_kills.py::test_a_scan_that_is_killed_shows_whole_or_not_at_all",
        ),
    ),
    "D04": Check(
        "kill -9 in undo and redo, 50 times: all of it or nothing",
        ("tests/jobs/test_cleaning_kills.py::test_what_is_killed_has_happened_or_not",),
    ),
    "D05": Check("kill -9 right after the answer to an edit, 200 times: each edit is there"),
    "D06": Check(
        "kill -9 in a restore, 50 times: the whole old or the whole new content",
        ("tests/services/test_backups_kills.py::test_a_killed_restore_is_whole_or_has_not_been",),
    ),
    "D07": Check("SIGTERM while a job and an export run: exit code 0 within 10 s, the job can go on, no -wal is left"),
    "D08": Check(
        "a start with a job that is recorded as running: interrupted, can be retried, never runs twice",
        (
            "tests/jobs/test_worker.py::test_after_a_kill_the_job_is_interrupted_by_the_next_worker",
            "tests/services/test_running.py::test_the_job_of_a_dead_runner_becomes_interrupted_and_can_be_retried",
            "tests/services/test_running.py::test_a_job_is_run_once_only",
        ),
    ),
    "D09": Check("an import stopped half way: no row is to be seen, and what was staged is gone within 60 s"),
    "D10": Check("100,000 rows, one bad: the others come in and it is named by line and reason, or strictly none does"),
    "D11": Check(
        "an import on a disk of 64 MB that is full: refused or failed with 507, and it goes on without a restart"
    ),
    "D12": Check("an edit that finds no room: 507, what was typed is kept, and what was refused is not stored"),
    "D13": Check("20 backups while 32 editors write: each is whole and holds every edit acknowledged before"),
    "D14": Check(
        "a good backup is put back: its digest, a backup of what was there before, an empty log",
        (
            f"{_BACKUPS}test_a_restore_brings_the_old_digest_and_keeps_what_was_there",
            f"{_BACKUPS}test_after_a_restore_everything_still_works",
            f"{_BACKUPS}test_a_restore_leaves_nothing_beside_the_database_and_an_empty_log",
        ),
    ),
    "D15": Check(
        "an empty, foreign, cut, newer or odd file as a backup: refused, each in its own words, nothing changes",
        (
            f"{_BACKUPS}test_a_bad_file_is_refused_in_its_own_words_and_changes_nothing",
            f"{_PAGES}test_export.py::test_an_uploaded_file_that_is_no_backup_changes_nothing",
        ),
    ),
    "D16": Check(
        "two backups in one moment: two files, and none is ever overwritten",
        (
            f"{_BACKUPS}test_two_backups_in_one_moment_are_two_files",
            f"{_BACKUPS}test_a_backup_never_overwrites",
        ),
    ),
    "D17": Check("a start on a database with 4 KB overwritten: refused, untouched, and what it advises helps"),
    "D18": Check(
        "a start on a log without its database: refused, and no empty database is made",
        ("tests/services/test_schema.py::test_a_log_without_its_database_is_refused",),
    ),
    "D19": Check(
        "a clean and its undo: the digest is that of before",
        (
            "tests/cli/test_cleaning.py::test_a_dataset_is_cleaned_and_undone",
            "tests/services/test_history_properties.py::test_undo_all_and_redo_all",
        ),
    ),
    "D20": Check(
        "undo of a step of which some pairs were edited again: they are listed and kept, unless chosen",
        (
            f"{_HISTORY}test_undo_keeps_what_was_edited_since_and_says_so",
            f"{_HISTORY}test_undo_anyway_overwrites_a_later_edit",
            f"{_PAGES}test_history.py::test_what_was_edited_since_is_kept_listed_and_taken_along_on_request",
        ),
    ),
    # Concurrency
    "D21": Check("32 writers and 32 readers for 5 min: no 5xx, nothing locked, no lost edit, p99 of saves ≤ 500 ms"),
    "D22": Check(
        "two save on one version: the second is shown both texts, and keeps its own on the screen",
        (
            f"{_PAGES}test_pairs.py::test_a_stale_save_shows_yours_theirs_and_the_base",
            "tests/api/test_datasets.py::test_a_change_needs_the_version_and_a_stale_one_is_told_the_present",
        ),
    ),
    "D23": Check(
        "a save of a pair that was deleted meanwhile: told, with the way to restore it",
        (
            f"{_PAGES}test_pairs.py::test_a_pair_deleted_meanwhile_can_be_restored_with_the_typed_text",
            "tests/services/test_pairs.py::test_saving_a_deleted_pair_offers_to_restore_it",
        ),
    ),
    "D24": Check(
        "the same create twice under one key: one pair, one answer",
        ("tests/api/test_writing.py::test_a_repeated_create_happens_once_and_is_answered_alike",),
    ),
    "D25": Check(
        "pairs are edited after the preview of a clean: skipped and counted",
        (
            "tests/api/test_cleaning.py::test_what_was_previewed_is_applied_but_for_what_was_edited_or_left_out",
            f"{_PAGES}test_cleaning.py::test_a_pair_edited_since_the_preview_is_left_alone_and_listed",
        ),
    ),
    "D26": Check("an import of 200,000 rows beside 20 editors: p99 of saves ≤ 500 ms, no error"),
    "D27": Check("two imports at once: the counts of both are exact"),
    "D28": Check(
        "a second server on the data folder: refused with the address of the first",
        (f"{_SERVE}test_a_second_server_on_the_folder_is_refused",),
    ),
    "D29": Check("a command writes while the server runs: both effects are there, nothing is locked"),
    # Files
    "D30": Check(
        "a body whose announced length is over the limit: 413 before it is read",
        (
            f"{_SERVE}test_a_body_over_the_limit_is_refused_before_it_is_sent",
            f"{_SERVE}test_a_body_is_judged_before_it_is_read",
            f"{_API_IMPORTS}test_a_body_over_the_limit_is_refused_by_its_length",
        ),
    ),
    "D31": Check(
        "a chunked body over the limit: 413 and cut off", (f"{_SERVE}test_a_chunked_body_over_the_limit_is_cut_off",)
    ),
    "D32": Check(
        "a picture under the name of a table: refused by what it is",
        (f"{_READING}test_other_kinds_are_refused_by_name", f"{_IMPORTS}test_a_picture_is_refused_by_what_it_is"),
        "A workbook under the name of a table is read as the workbook it is: content decides, not the name.",
    ),
    "D33": Check(
        "byte order marks, UTF-16, old encodings, CR, semicolons, quoted line ends: the right rows, guesses are told",
        (
            f"{_READING}test_encodings_are_found",
            f"{_READING}test_a_guess_is_called_a_guess",
            f"{_READING}test_line_ends_of_all_systems",
            f"{_READING}test_line_ends_inside_quotes_are_kept_exactly",
            f"{_READING}test_delimiters_are_found_although_the_texts_hold_others",
        ),
    ),
    "D34": Check("a cell of 200 kB: imported", (f"{_READING}test_a_long_text_is_read_and_a_longer_one_refused",)),
    "D35": Check(
        "a quote that is never closed: told with the line where it opened",
        (f"{_READING}test_an_unclosed_quote_is_one_bad_row_at_the_line_where_it_opened",),
        "It is one bad row, not a refusal of the file: the rows before it are good.",
    ),
    "D36": Check("one bad line of 1,000: 999 and its number", (f"{_IMPORTS}test_one_bad_line_of_a_thousand",)),
    "D37": Check("JSON nested 100,000 deep: refused, nothing changes"),
    "D38": Check(
        "NaN, Infinity and numbers of 5,000 digits: bad rows; exports are strict JSON",
        (f"{_READING}test_a_bad_line_never_stops_good_ones", f"{_API_IMPORTS}test_deep_and_unreal_json_is_refused"),
    ),
    "D39": Check("a key that stands twice in an object: the last counts, and it is told"),
    "D40": Check(
        "U+0000 in a text: a bad row with its reason",
        (
            f"{_IMPORTS}test_text_that_no_database_keeps_is_quarantined",
            "tests/services/test_pairs.py::test_text_that_no_database_keeps_is_refused",
        ),
    ),
    "D41": Check(
        "half of a surrogate pair: a bad row with its reason",
        (
            f"{_READING}test_a_bad_line_never_stops_good_ones",
            f"{_IMPORTS}test_text_that_no_database_keeps_is_quarantined",
        ),
    ),
    "D42": Check("a workbook of 1 MB that expands to 314 MB: refused within 5 s, memory + ≤ 100 MB"),
    "D43": Check("a workbook with an entity bomb or an external entity: no memory, no file, no network"),
    "D44": Check(
        "an archive with ../x, /x and links: nothing is written outside",
        (f"{_READING}test_one_packed_file_is_read_and_nothing_is_unpacked",),
        "Nothing is ever unpacked to a path: one member is read as a stream, so links lead nowhere.",
    ),
    "D45": Check("a database with a trigger, endless view, virtual table and generated columns: plain tables, ≤ 10 s"),
    "D46": Check("a database of garbage: refused"),
    "D47": Check(
        "hostile file names: stored under made names, shown as text",
        (
            "tests/services/test_uploads.py::test_a_name_is_shown_but_never_a_path",
            f"{_PAGES}test_imports.py::test_hostile_names_are_shown_as_text",
        ),
    ),
    "D48": Check(
        "an empty file, a header alone, a mark alone: no rows",
        (f"{_IMPORTS}test_files_without_rows_are_refused", f"{_READING}test_an_empty_file_says_so"),
    ),
    "D49": Check("500 uploads that break off half way: no import, no file, no traceback"),
    "D50": Check("500 downloads that break off: no open file, no read that keeps the log"),
    # Web
    "D51": Check("a foreign Host on every route: refused", (f"{_DOOR}test_a_foreign_host_is_refused_on_every_route",)),
    "D52": Check("this machine's own names: served", (f"{_DOOR}test_this_machines_names_are_served",)),
    "D53": Check(
        "a write from a foreign Origin: refused, nothing changes",
        (f"{_DOOR}test_a_write_from_elsewhere_is_refused", f"{_EVERY}test_no_write_from_elsewhere_is_taken"),
    ),
    "D54": Check("a write from Origin null: refused", (f"{_DOOR}test_a_write_from_elsewhere_is_refused",)),
    "D55": Check("the token without cookie and Origin: taken", (f"{_DOOR}test_a_script_with_the_token_may_write",)),
    "D56": Check(
        "a cookie and nothing else: refused",
        (
            f"{_DOOR}test_a_write_from_elsewhere_is_refused",
            f"{_DOOR}test_a_token_beside_a_cookie_does_not_replace_the_csrf_token",
        ),
    ),
    "D57": Check("every GET and HEAD: changes nothing", (f"{_EVERY}test_reading_changes_nothing",)),
    "D58": Check("OPTIONS from a foreign origin: nothing is allowed", (f"{_DOOR}test_no_route_allows_other_origins",)),
    "D59": Check(
        "an address that others can reach: exit code 2, no socket",
        (f"{_SERVE}test_an_address_that_others_can_reach_is_refused",),
    ),
    "D60": Check("every route without a session: refused", not_here=_NO_ACCOUNTS),
    "D61": Check(
        "markup in every text: nothing runs, all is shown as it is",
        (
            "tests/browser/test_markup.py::test_nothing_in_a_text_runs",
            "tests/browser/test_markup.py::test_the_texts_are_on_the_page_as_they_are",
            "tests/browser/test_imports.py::test_markup_in_a_file_is_text",
        ),
    ),
    "D62": Check(
        "every page: the policy, no inline script, style or handler, no foreign address",
        (
            f"{_EVERY}test_no_page_runs_or_loads_anything_foreign",
            f"{_DOOR}test_the_policy_allows_nothing_inline",
        ),
    ),
    "D63": Check(
        "every answer, also errors: the headers that protect it",
        (f"{_DOOR}test_every_answer_carries_the_headers", f"{_DOOR}test_a_foreign_host_is_refused_on_every_route"),
    ),
    "D64": Check("the cookie: HttpOnly, SameSite, ≤ 4 kB, a name of this data folder's own"),
    "D65": Check("ten wrong passwords: 429", not_here=_NO_ACCOUNTS),
    "D66": Check("a cookie from before the login or after the logout: not valid", not_here=_NO_ACCOUNTS),
    "D67": Check(
        "a first start: a key of 256 bits, for its owner only, of this folder only; known and short ones are refused",
        (
            f"{_KEYS}TestSecret::test_it_is_long_and_its_owners_alone",
            f"{_KEYS}TestSecret::test_it_differs_per_folder",
            f"{_KEYS}TestSecret::test_a_short_one_is_refused",
            f"{_KEYS}test_a_well_known_kind_of_key_is_refused",
            f"{_SERVE}test_only_the_owner_can_read_the_data_folder",
        ),
    ),
    "D68": Check("an address to go on to that leads to another site: stays here"),
    "D69": Check(
        "a dataset named like a header: one header, a clean name",
        (f"{_EVERY}test_every_download_is_an_attachment_with_a_clean_name",),
    ),
    "D70": Check(
        "FLASK_DEBUG and a defect: no console, no traceback, the number of the request",
        (
            f"{_DOOR}test_a_defect_tells_nothing_but_its_request",
            f"{_DOOR}test_debug_mode_cannot_be_switched_on",
        ),
    ),
    "D71": Check("the address of a provider inside the network of its machine: refused", not_here=_NO_PROVIDERS),
    "D72": Check("another address for a provider: its key is forgotten", not_here=_NO_PROVIDERS),
    "D73": Check(
        "secrets: in no page, log, job, export, backup or command line",
        not_here="No key of a provider is held (see D71); tried with the two secrets there are, token and session key.",
    ),
    "D74": Check(
        "cells that a spreadsheet would run: counted, made safe on request, reversed exactly",
        (
            "tests/services/test_export.py::test_formulas_are_counted_and_made_safe_on_request",
            "tests/core/formats/test_round_trips.py::test_the_spreadsheet_safe_form_reverses_exactly",
        ),
    ),
    "D75": Check("a pattern that explodes, in a preview: ends ≤ 2 s and says so, others are served with p99 ≤ 500 ms"),
    "D76": Check(
        "a pattern that cannot be read: refused with the place",
        (
            f"{_PATTERNS}test_a_bad_pattern_is_refused_with_its_position",
            f"{_PAGES}test_cleaning.py::test_a_wrong_pattern_is_refused_with_its_place",
        ),
    ),
    "D77": Check(
        "a literal that looks like a pattern: taken as it is written; the preview counts what is changed, undo works",
        (
            f"{_PATTERNS}test_a_literal_is_taken_as_it_is_written",
            "tests/cli/test_cleaning.py::test_a_dry_run_counts_and_changes_nothing",
            "tests/api/test_cleaning.py::test_applying_is_one_step_that_undo_takes_back",
        ),
    ),
    "D78": Check("300 half-open connections: others are served, p95 ≤ 500 ms"),
    "D79": Check(
        "pages of size 0, -1, a milliard, abc: refused",
        (
            f"{_EVERY}test_an_odd_address_is_answered",
            f"{_PAGES}test_pairs.py::test_what_there_is_not_is_refused_with_what_there_is",
        ),
    ),
    "D80": Check(
        "a search for %, _, \\, ' or 60,000 letters: literal, and refused over the limit",
        (
            "tests/services/test_entries.py::test_search_is_literal",
            "tests/services/test_entries.py::test_a_search_over_the_limit_is_refused",
        ),
    ),
    "D81": Check("a provider that answers with anything: bounded, nothing merged", not_here=_NO_PROVIDERS),
    "D82": Check("a document that gives orders to a model: only pairs for review", not_here=_NO_PROVIDERS),
    "D83": Check(
        "packages: locked with their hashes; the engine is checked",
        not_here="Whether a package has a known weakness is asked of the network, so not in a test.",
    ),
    "D84": Check("an export of 200,000 pairs while they are edited: one state, whole"),
}
NAMED_ELSEWHERE = frozenset(name for check in CHECKS.values() for name in check.elsewhere)
