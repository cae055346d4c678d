use super::*;

#[test]
fn days_follow_daylight_saving_time() {
    // 31 March 2024 has 23 hours in Berlin, 27 October 2024 has 25.
    assert_eq!(
        starts(
            DAY,
            "Europe/Berlin",
            "2024-03-30T12:00:00Z",
            "2024-04-01T12:00:00Z"
        ),
        ["2024-03-29T23:00", "2024-03-30T23:00", "2024-03-31T22:00"]
    );
    assert_eq!(
        starts(
            DAY,
            "Europe/Berlin",
            "2024-10-26T22:00:00Z",
            "2024-10-27T23:00:00Z"
        ),
        ["2024-10-26T22:00", "2024-10-27T23:00"]
    );
}

#[test]
fn weeks_start_on_monday() {
    assert_eq!(
        starts(
            7 * DAY,
            "UTC",
            "2024-05-12T23:59:59Z",
            "2024-05-13T00:00:00Z"
        ),
        ["2024-05-06T00:00", "2024-05-13T00:00"]
    );
    assert_eq!(
        starts(
            7 * DAY,
            "America/New_York",
            "1969-12-31T00:00:00Z",
            "1969-12-31T00:00:00Z"
        ),
        ["1969-12-29T05:00"]
    );
}

#[test]
fn a_day_without_midnight_starts_at_its_first_instant() {
    // Beirut: 00:00 became 01:00 on 27 March 2022 (UTC+2 to UTC+3).
    assert_eq!(
        starts(
            DAY,
            "Asia/Beirut",
            "2022-03-26T12:00:00Z",
            "2022-03-27T22:00:00Z"
        ),
        ["2022-03-25T22:00", "2022-03-26T22:00", "2022-03-27T21:00"]
    );
}

#[test]
fn a_day_whose_midnight_comes_twice_starts_at_the_earlier_one() {
    // Havana: 01:00 became 00:00 on 6 November 2022 (UTC-4 to UTC-5): 25 hours from the first midnight.
    assert_eq!(
        starts(
            DAY,
            "America/Havana",
            "2022-11-06T04:30:00Z",
            "2022-11-07T06:00:00Z"
        ),
        ["2022-11-06T04:00", "2022-11-07T05:00"]
    );
    // St John's: 00:01 became 23:01 of the day before on 7 November 2010 (UTC-2:30 to UTC-3:30). An instant of the
    // second 23:30 has the earlier date and still belongs to the day that has started.
    assert_eq!(
        starts(
            DAY,
            "America/St_Johns",
            "2010-11-07T03:00:00Z",
            "2010-11-07T03:00:00Z"
        ),
        ["2010-11-07T02:30"]
    );
}

#[test]
fn a_date_that_was_skipped_has_no_window() {
    // Samoa went from 29 to 31 December 2011 (UTC-10 to UTC+14).
    assert_eq!(
        starts(
            DAY,
            "Pacific/Apia",
            "2011-12-29T12:00:00Z",
            "2011-12-31T12:00:00Z"
        ),
        ["2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"]
    );
}

#[test]
fn hours_have_local_midnight_as_a_boundary_where_the_offset_allows() {
    assert_eq!(
        starts(
            HOUR,
            "Asia/Kolkata",
            "2024-01-01T00:10:00Z",
            "2024-01-01T00:40:00Z"
        ),
        ["2023-12-31T23:30", "2024-01-01T00:30"]
    );
    assert_eq!(
        starts(
            6 * HOUR,
            "Asia/Kolkata",
            "2024-01-01T19:00:00Z",
            "2024-01-01T19:00:00Z"
        ),
        ["2024-01-01T18:30"]
    );
    assert_eq!(
        starts(
            HOUR,
            "Europe/Berlin",
            "2024-03-31T00:10:00Z",
            "2024-03-31T01:10:00Z"
        ),
        ["2024-03-31T00:00", "2024-03-31T01:00"]
    );
    // Summer and winter ask for different boundaries: neither gets them.
    assert_eq!(
        starts(
            6 * HOUR,
            "Europe/Berlin",
            "2024-01-01T19:00:00Z",
            "2024-01-01T19:00:00Z"
        ),
        ["2024-01-01T18:00"]
    );
    // Nor does a step that does not divide the day.
    assert_eq!(
        starts(
            7 * HOUR,
            "Asia/Kolkata",
            "1970-01-01T08:00:00Z",
            "1970-01-01T08:00:00Z"
        ),
        ["1970-01-01T07:00"]
    );
    assert_eq!(
        starts(
            36 * HOUR,
            "Asia/Kolkata",
            "1970-01-01T00:00:00Z",
            "1970-01-02T12:00:00Z"
        ),
        ["1970-01-01T00:00", "1970-01-02T12:00"]
    );
}
