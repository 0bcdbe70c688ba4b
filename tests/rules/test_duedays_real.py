"""Due days of real rules, worked out by hand with a calendar: four states, and the series by its code.

Trigger, cut-off and period are written as the series states them, in our words; the fiscal years begin on
1 September (Texas), 1 July (North Carolina, Ohio) and 1 October (Alabama). Where a source leaves the
trigger open, the table says what a person made of it.
"""

from __future__ import annotations

import pytest

from dms.rules.calendars import FiscalYear
from dms.rules.duesteps import RetentionState
from dms.rules.retention import TrackMedium
from tests.duewordings import by_class, day, follow, rule, thing, track

FISCAL_YEARS = {
    "tx": FiscalYear(9, 1),
    "nc": FiscalYear(7, 1),
    "al": FiscalYear(10, 1),
    "oh": FiscalYear(7, 1),
}

NC = "nc/{}_rev2025_0.json"

# file, series, wording, facts, due day
TABLE = [
    # Texas: AC closed, FE and CE end of the fiscal and calendar year, US superseded, LA life of the asset
    ("tx/001.json", "ACC1000", "closed, P3Y", "closed 2020-06-30", "2023-07-01"),
    ("tx/001.json", "ACC1000", "closed, P3Y", "closed 2020-01-01..2020-12-31", "2024-01-01"),
    ("tx/001.json", "ACC2020", "closed, P3Y", "closed 2020-02-29", "2023-03-01"),
    ("tx/001.json", "PUR1000a", "closed, P7Y", "closed 2016-12-31", "2024-01-01"),
    ("tx/001.json", "ADM4000", "created, calendar_year, P1Y", "created 2021-03-15", "2023-01-01"),
    ("tx/750.json", "750.2.2.002", "created, fiscal_year, P3Y", "created 2020-08-31", "2023-09-01"),
    ("tx/750.json", "750.2.2.002", "created, fiscal_year, P3Y", "created 2020-09-01", "2024-09-01"),
    ("tx/750.json", "750.1.1.055", "closed, P6Y", "closed 2014-08-31", "2020-09-01"),
    ("tx/304.json", "1L-11", "closed, P3Y", "closed 2021-11-30", "2024-12-01"),
    ("tx/304.json", "2F-06", "created, P3M", "created 2023-11-30", "2024-03-01"),  # by a person: created
    ("tx/746.json", "308 UTRGV", "closed, P5Y", "closed 2019-02-28", "2024-02-29"),
    ("tx/746.json", "413 UTRGV", "closed, P2Y", "closed 2022-02-28", "2024-02-29"),
    ("tx/746.json", "435 UTRGV", "created, fiscal_year, P2Y", "created 2022-07-04", "2024-09-01"),
    ("tx/746.json", "296 UTRGV", "asset_gone, P1Y", "asset_gone 2024-02-29", "2025-03-01"),
    ("tx/768.json", "115", "closed, P4Y", "closed 2020-02-29", "2024-03-01"),
    ("tx/768.json", "510", "closed, P30Y", "closed 1996-02-29", "2026-03-01"),
    ("tx/768.json", "469", "closed, P15Y", "closed 2009-06-15", "2024-06-16"),
    ("tx/768.json", "12", "created, fiscal_year, P10Y", "created 2014-05-01", "2024-09-01"),
    ("tx/338.json", "19", "closed, P1Y", "closed 2023-02-28", "2024-02-29"),
    ("tx/745.json", "PR49", "superseded, P3Y", "superseded 2018-07-15", "2021-07-16"),
    ("tx/745.json", "AD7", "superseded, P5Y", "superseded 2017-01-20", "2022-01-21"),
    ("tx/745.json", "USR97", "closed, P90D", "closed 2024-01-31", "2024-05-01"),
    ("tx/745.json", "USR97", "closed, P90D", "closed 2023-01-31", "2023-05-02"),
    ("tx/601.json", "HR507", "closed, P10Y", "closed 2013-03-01", "2023-03-02"),
    ("tx/601.json", "HAZ05", "created, calendar_year, P5Y", "created 2018-01-01", "2024-01-01"),
    ("tx/601.json", "CPI01", "created, fiscal_year, P7Y", "created 2016-08-31", "2023-09-01"),
    ("tx/601.json", "CCP02", "asset_gone, P10Y", "asset_gone 2014-11-11", "2024-11-12"),
    ("tx/529.json", "7147", "created, fiscal_year, P5Y", "created 2019-12-31", "2025-09-01"),
    ("tx/529.json", "5556", "created, fiscal_year, P6Y", "created 2017-09-01", "2024-09-01"),
    ("tx/529.json", "11174", "created, P6M", "created 2023-08-31", "2024-03-01"),  # by a person: created
    ("tx/475.json", "87", "superseded, P1Y", "superseded 2023-12-31", "2025-01-01"),
    ("tx/758.json", "FIN740", "asset_gone, P3Y", "asset_gone 2021-05-05", "2024-05-06"),
    ("tx/743.json", "5.2.110", "asset_gone, P0D", "asset_gone 2022-10-10", "2022-10-11"),
    ("tx/743.json", "1.1.182", "closed, P20Y", "closed 2004-02-29", "2024-03-01"),
    ("tx/743.json", "6.2.128", "permanent keep_permanently", "closed 2004-02-29", "permanent"),
    ("tx/046.json", "BEN1040", "closed, P75Y", "closed 1950-04-30", "2025-05-01"),
    ("tx/046.json", "ACC1340", "created, fiscal_year, P4Y", "created 2020-02-29", "2024-09-01"),
    ("tx/457.json", "21.020", "created, fiscal_year, P1Y", "created 2023-10-05", "2025-09-01"),
    ("tx/554.json", "615", "created, calendar_year, P3Y", "created 2020-12-31", "2024-01-01"),
    ("tx/554.json", "713", "created, calendar_year, P2Y", "created 2022-06-06", "2025-01-01"),
    ("tx/554.json", "102", "created, calendar_year, P4Y", "created 2020-02-29", "2025-01-01"),
    ("tx/537.json", "10176", "superseded, P2Y", "superseded 2022-05-31", "2024-06-01"),
    ("tx/720.json", "ALL2208", "closed, P0D", "closed 2024-02-28", "2024-02-29"),
    ("tx/720.json", "POL2003", "created, calendar_year, P10Y", "created 2013-07-07", "2024-01-01"),
    ("tx/720.json", "RF1698", "closed, P50Y", "closed 1974-12-31", "2025-01-01"),
    ("tx/720.json", "ULG1002", "value_ended, P0D", "value_ended 2024-06-30", "2024-07-01"),
    ("tx/720.json", "ULG1002", "value_ended, P0D", "created 1990-06-30", "waiting"),
    # North Carolina
    (NC.format("05_FinancialMgmt"), "511.3", "created, fiscal_year, P3Y", "created 2020-06-30", "2023-07-01"),
    (NC.format("05_FinancialMgmt"), "511.5", "created, fiscal_year, P5Y", "created 2020-07-01", "2026-07-01"),
    (NC.format("05_FinancialMgmt"), "521.3", "created, fiscal_year, P3Y", "created 2019-12-31", "2023-07-01"),
    (
        NC.format("05_FinancialMgmt"),
        "572.3",
        "custom:deduction_ended, P3Y",
        "custom:deduction_ended 2020-11-30",
        "2023-12-01",
    ),
    (NC.format("08_HR"), "811.3", "custom:resolved, P3Y", "custom:resolved 2021-10-31", "2024-11-01"),
    (NC.format("01_AgencyMgmt"), "133.1", "received, P1Y", "received 2023-02-28", "2024-02-29"),
    (NC.format("01_AgencyMgmt"), "138.3", "superseded, P3Y", "superseded 2021-02-28", "2024-02-29"),
    (
        NC.format("01_AgencyMgmt"),
        "154.5",
        "custom:plan_adopted, P5Y",
        "custom:plan_adopted 2019-06-01",
        "2024-06-02",
    ),
    (NC.format("02_AssetMgmt"), "225.3", "expired, P3Y", "expired 2021-12-31", "2025-01-01"),
    (NC.format("02_AssetMgmt"), "211.P", "permanent keep_permanently", "", "permanent"),
    (
        NC.format("04_Education"),
        "453.2",
        "custom:graduated or custom:withdrawn, P2Y",
        "custom:graduated 2022-05-20",
        "2024-05-21",
    ),
    (NC.format("07_Healthcare"), "732.5", "last_action, P5Y", "last_action 2019-02-28", "2024-02-29"),
    (NC.format("09_IT"), "928.1", "created, P1Y", "created 2023-06-15", "2024-06-16"),
    (
        NC.format("10_InfrastructureMgmt"),
        "1023.3",
        "custom:canceled or custom:rejected, P3Y",
        "custom:rejected 2021-08-31",
        "2024-09-01",
    ),
    (
        NC.format("10_InfrastructureMgmt"),
        "1027.15",
        "custom:project_delivered, P15Y",
        "custom:project_delivered 2009-01-31",
        "2024-02-01",
    ),
    (  # both must have come; three years in the office, the rest in the records center
        NC.format("11_LawEnforcement"),
        "1111.10",
        "custom:released and custom:supervision_ended, P3Y then P7Y",
        "custom:released 2012-05-05; custom:supervision_ended 2014-08-08",
        "2024-08-09",
    ),
    (
        NC.format("12_Legal"),
        "1232.3",
        "expired or superseded, P3Y",
        "expired 2022-03-31; superseded 2021-09-30",
        "2024-10-01",
    ),
    (NC.format("12_Legal"), "1265.50", "closed, P0D then P50Y", "closed 1974-06-30", "2024-07-01"),
    (
        NC.format("13_MonitoringCompliance"),
        "1328.50",
        "custom:revoked, P50Y",
        "custom:revoked 1974-03-31",
        "2024-04-01",
    ),
    (
        NC.format("13_MonitoringCompliance"),
        "1325.22",
        "received, P3Y then P19Y",
        "received 2002-02-28",
        "2024-02-29",
    ),
    (  # two years from 29 February end on the 28th, four of them do not
        NC.format("14_PublicAsst-SupportSvcs"),
        "1433.4",
        "custom:determined, P2Y then P2Y",
        "custom:determined 2020-02-29",
        "2024-03-01",
    ),
    (NC.format("16_RiskMgmt"), "1633.30", "asset_gone, P30Y", "asset_gone 1994-09-30", "2024-10-01"),
    # Alabama numbers no series: the beginning of the title stands for the code
    (
        "al/911_Board.json",
        "REMITTANCE REPORTS",
        "created, fiscal_year, P3Y",
        "created 2020-09-30",
        "2023-10-01",
    ),
    (
        "al/911_Board.json",
        "AUDIT REPORTS - ORIGINAL BID",
        "custom:bids_opened, fiscal_year, P7Y",
        "custom:bids_opened 2016-10-01",
        "2024-10-01",
    ),
    (
        "al/Alcoholic_Beverage_Control_Board.json",
        "POSITION CLASSIFICATION",
        "superseded, fiscal_year, P3Y",
        "superseded 2020-11-11",
        "2024-10-01",
    ),
    (
        "al/Alcoholic_Beverage_Control_Board.json",
        "PROPERTY INVENTORY AFFIDAVITS",
        "custom:audited, P1Y",
        "custom:audited 2023-02-28",
        "2024-02-29",
    ),
    (
        "al/Dental_Scholarship_and_Loan_Awards_Board_of.json",
        "UNAWARDED LOAN AWARD",
        "created, P3Y",
        "created 2021-02-28",
        "2024-02-29",
    ),
    (
        "al/Dental_Scholarship_and_Loan_Awards_Board_of.json",
        "PERSONAL PROPERTY",
        "expired, P6Y",
        "expired 2018-06-30",
        "2024-07-01",
    ),
    (
        "al/Fine_Arts_School_of.json",
        "STUDENT ABSENCE RECORDS",
        "created, calendar_year, P3Y",
        "created 2020-01-01",
        "2024-01-01",
    ),
    (
        "al/Fine_Arts_School_of.json",
        "BOARD OF TRUSTEES APPOINTMENT",
        "expired, calendar_year, P3Y",
        "expired 2021-07-31",
        "2025-01-01",
    ),
    (
        "al/Early_Childhood_Education_Department_of.json",
        "GRANTEE NON-COMPLIANCE",
        "superseded, P0D",
        "superseded 2024-12-31",
        "2025-01-01",
    ),
    (
        "al/Law_Enforcement_Agency.json",
        "INVESTMENT MANAGEMENT",
        "custom:liquidated, P7Y",
        "custom:liquidated 2017-11-30",
        "2024-12-01",
    ),
    (
        "al/Multiple_Needs_Child_Office.json",
        "INSURANCE POLICIES",
        "expired, P6Y",
        "expired 2018-02-28",
        "2024-02-29",
    ),
    # Ohio
    ("oh/general.json", "GAR-BLM-01", "expired, P2Y", "expired 2022-06-30", "2024-07-01"),
    ("oh/general.json", "GAR-BLM-05", "asset_gone, P2Y", "asset_gone 2022-12-31", "2025-01-01"),
    ("oh/general.json", "GAR-CM-03", "superseded, P0D", "superseded 2024-02-29", "2024-03-01"),
    (
        "oh/general.json",
        "GAR-LL-04",
        "custom:effective, P5Y",
        "custom:effective 2019-03-31",
        "2024-04-01",
    ),
    (
        "oh/general.json",
        "GAR-LL-05",
        "closed and custom:appeals_exhausted, P2Y",
        "closed 2021-05-05; custom:appeals_exhausted 2022-04-30",
        "2024-05-01",
    ),
    (
        "oh/general.json",
        "GAR-LL-05",
        "closed and custom:appeals_exhausted, P2Y",
        "closed 2021-05-05",
        "waiting",
    ),
    ("oh/spec_8393.json", "GP-PAY-03", "expired, P7Y", "expired 2017-12-31", "2025-01-01"),
    ("oh/spec_11330.json", "HR-10", "created, P1Y then P9Y", "created 2014-02-28", "2024-02-29"),
    ("oh/spec_13564.json", "ENG-011", "created, month, P1Y", "created 2023-02-10", "2024-02-29"),
    ("oh/spec_20078.json", "834-06", "created, P1Y then P4Y", "created 2019-08-31", "2024-09-01"),
    ("oh/spec_23491.json", "OTC-500-07", "permanent keep_permanently", "created 1990-01-01", "permanent"),
    ("oh/spec_30884.json", "SEC-202", "created, fiscal_year, P6Y", "created 2017-08-15", "2024-07-01"),
    ("oh/spec_31686.json", "CBE-94", "custom:election, P22M", "custom:election 2022-11-08", "2024-09-09"),
    ("oh/spec_33122.json", "SEC-6", "created, P30D", "created 2024-01-31", "2024-03-02"),
    (
        "oh/spec_35307.json",
        "MF Bad Chk",
        "custom:cancelled, calendar_year, P4Y",
        "custom:cancelled 2020-02-29",
        "2025-01-01",
    ),
    ("oh/spec_38644.json", "78-OAG-46", "custom:notified, P30D", "custom:notified 2024-12-15", "2025-01-15"),
]


@pytest.mark.parametrize(
    ("file", "series", "wording", "facts", "expected"), TABLE, ids=[f"{row[1]} {row[3]}" for row in TABLE]
)
def test_real_rule_gives_the_day_worked_out_by_hand(file, series, wording, facts, expected):
    found = follow(facts, by_class(rule(series, wording)), fiscal_year=FISCAL_YEARS[file[:2]])

    assert (str(found.due_on) if found.due_on else found.state) == expected


# Ohio tells media apart in one text: what each of them may lose, and what the whole may
HYBRID = [
    # file, series, (paper, electronic), facts, (paper may go, electronic may go, the whole)
    (
        "oh/spec_32869.json",
        "SS-2",
        ("custom:laid_off, P7Y", "custom:laid_off, P7Y"),
        "custom:laid_off 2017-05-31",
        ("2024-06-01", "2024-06-01", "2024-06-01"),
    ),
    (
        "oh/spec_29593.json",
        "567-OAG-55",
        ("last_action, P3Y", "last_action, P3Y"),
        "last_action 2021-09-30; last_action 2021-03-31",
        ("2024-10-01", "2024-10-01", "2024-10-01"),
    ),
    (
        "oh/spec_9112.json",
        "OP-06",
        ("custom:imaged, P0D", "permanent keep_permanently"),
        "custom:imaged 2024-01-15",
        ("2024-01-16", "permanent", "permanent"),
    ),
    (
        "oh/spec_18910.json",
        "LEG-05",
        ("closed, P0D", "permanent keep_permanently"),
        "",
        ("waiting", "permanent", "permanent"),
    ),
    (
        "oh/spec_39100.json",
        "DDDALL-4",
        ("custom:scanned, P0D", "created, P2Y"),
        "created 2022-02-28; custom:scanned 2022-03-31",
        ("2022-04-01", "2024-02-29", "2024-02-29"),
    ),
    (
        "oh/spec_35018.json",
        "SIRP-01",
        ("custom:scanned, P30D", "created, P5Y"),
        "created 2019-03-31; custom:scanned 2019-04-30",
        ("2019-05-31", "2024-04-01", "2024-04-01"),
    ),
]


@pytest.mark.parametrize(
    ("file", "series", "wordings", "facts", "expected"), HYBRID, ids=[row[1] for row in HYBRID]
)
def test_real_rule_of_two_media_lets_each_go_on_its_own_day(file, series, wordings, facts, expected):
    media = (TrackMedium.PAPER, TrackMedium.ELECTRONIC)
    wording = rule(series, *(track(text, medium) for text, medium in zip(wordings, media, strict=True)))

    found = follow(thing(facts, media=media), by_class(wording), fiscal_year=FISCAL_YEARS["oh"])

    days = [*(each.standing.due_on for each in found.media), found.due_on]
    states = [*(each.state for each in found.media), found.state]
    assert tuple(str(day) if day else state for day, state in zip(days, states, strict=True)) == expected


def test_real_rule_without_a_trigger_gives_no_day_before_a_person_has_read_it():
    wording = rule("53", "created, P2Y", needs_review=("no_trigger",))  # tx/227.json: "2 years", of what

    found = follow("created 2015-01-01", by_class(wording))

    assert (found.state, found.due_on) == (RetentionState.UNDETERMINED, None)


def test_real_rule_of_two_places_says_where_the_file_should_lie_now():
    wording = rule("1325.22", "received, P3Y then P19Y")  # three years in the office, nineteen in the center

    found = follow("received 2002-02-28", by_class(wording), today=day("2005-02-28")).decisive
    after = follow("received 2002-02-28", by_class(wording), today=day("2005-03-01")).decisive

    assert (found.phase, found.lifecycle_phase, found.turns_on) == (0, "current", day("2005-03-01"))
    assert (after.phase, after.lifecycle_phase, after.turns_on) == (1, "semi_current", day("2024-02-29"))


def test_table_holds_more_than_sixty_rules_of_four_states():
    cited = {(row[0], row[1]) for row in (*TABLE, *HYBRID)}

    assert len(cited) >= 60
    assert {file[:2] for file, _ in cited} == set(FISCAL_YEARS)
