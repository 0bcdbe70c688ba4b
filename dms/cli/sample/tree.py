"""The arrangement tree of the sample archive, one node a line."""

# ruff: noqa: E501  a table is read by its rows

from __future__ import annotations

from dms.cli.sample.dates import span
from dms.cli.sample.people import (
    ARCHIVIST,
    CONFIDENTIAL,
    INTERNAL,
    LITIGATION,
    OPEN,
    PERSONNEL,
    SECRET,
)
from dms.cli.sample.values import Aggregation, Security
from dms.models.aggregations import ArrangementLevel

_LEVELS = {
    "F": ArrangementLevel.FONDS,
    "f": ArrangementLevel.SUBFONDS,
    "S": ArrangementLevel.SERIES,
    "s": ArrangementLevel.SUBSERIES,
    "-": ArrangementLevel.FILE,
}

_MUNICIPALITY = (
    ("MUN", "F", "1890/..", OPEN, "Municipality of Port Sevrain", "Records of the mayor, the council and the offices since the charter of 1890."),
    ("MUN/TC", "f", "1890/..", OPEN, "Town Council", "Minutes, by-laws, accounts and letters kept by the Town Clerk."),
    ("MUN/TC/01", "S", "1890/..", OPEN, "Minutes of the council", "Signed minutes of the public sittings, one volume a year until 1989."),
    ("MUN/TC/01/1", "-", "1890/1913", OPEN, "Minutes, from the charter to the tramway", "Nine volumes in half leather; scanned in 2019."),
    ("MUN/TC/01/2", "-", "1914/1945", OPEN, "Minutes, two wars and the years between", "Volumes of 1943 and 1944 water-stained; typed from 1922."),
    ("MUN/TC/01/3", "-", "1946/1989", OPEN, "Minutes, reconstruction and growth", "Typed, with the annexes bound in."),
    ("MUN/TC/01/4", "-", "1990/..", OPEN, "Minutes since 1990", "Electronic since 2004; the signed paper copy is kept beside."),
    ("MUN/TC/02", "S", "1891/..", OPEN, "By-laws and ordinances", "Texts in force and repealed, in English and French."),
    ("MUN/TC/03", "S", "1890/..", OPEN, "Letters of the Town Clerk", "Letters received and copies of letters sent."),
    ("MUN/TC/03/A", "s", "1890/..", OPEN, "General letters", "Arranged by day of receipt."),
    ("MUN/TC/03/B", "s", "1957/..", OPEN, "Twin towns", "Partnership with Linwan in China and Roccamare in Italy."),
    ("MUN/TC/03/B/1", "-", "1986/..", OPEN, "Linwan 临湾", "Letters in Chinese and English, programmes of visits."),
    ("MUN/TC/03/B/2", "-", "1957/..", OPEN, "Roccamare", "Lettere in italiano e in francese, scambi scolastici."),
    ("MUN/TC/04", "S", "1891/..", OPEN, "Annual accounts", "Accounts as approved by the council, spreadsheets since 1996."),
    ("MUN/TC/05", "S", "1938/..", CONFIDENTIAL, "Closed sittings", "Minutes of sittings without the public; opened after sixty years."),
    ("MUN/TC/06", "S", "1902/..", PERSONNEL, "Personnel of the municipality", "Files of officials, closed for eighty years after birth."),
    ("MUN/TC/06/1", "-", "1961/1998", PERSONNEL, "Renaud, Étienne: harbour master", "Appointment, appraisals, the inquiry of 1994, pension."),
    ("MUN/BO", "f", "1892/..", OPEN, "Building Office", "Permits, surveys, public works and claims."),
    ("MUN/BO/01", "S", "1892/..", OPEN, "Building permits", "One file for each plot; plans of open buildings may be copied."),
    ("MUN/BO/01/A", "s", "1892/..", OPEN, "Old Harbour", "Plots between the Orlo and Quai des Tanneurs."),
    ("MUN/BO/01/A/1", "-", "1894/2019", OPEN, "Quay House, Quai des Tanneurs 4", "Counting house of Wu & Ferrari, listed in 1978."),
    ("MUN/BO/01/A/2", "-", "1911/..", OPEN, "Fish Market, Place du Môle 1", "Iron hall of 1912, roof renewed after the storm of 2024."),
    ("MUN/BO/01/B", "s", "1899/..", OPEN, "Upper Town", "Plots above the railway."),
    ("MUN/BO/01/B/1", "-", "1899/2022", OPEN, "Villa Ferrari, Via dei Cedri 17", "Villa and garden, since 1926 the museum."),
    ("MUN/BO/02", "S", "1891/..", OPEN, "Town plans and surveys", "Maps, levels and depths of the harbour."),
    ("MUN/BO/03", "S", "1893/..", OPEN, "Public works", "Works carried out by the town."),
    ("MUN/BO/03/1", "-", "1893/1951", OPEN, "North mole", "Built 1894 to 1898, blown up in 1944, rebuilt by 1951."),
    ("MUN/BO/03/2", "-", "1902/1968", OPEN, "Electric tramway", "Two lines from 1904 to 1968."),
    ("MUN/BO/03/3", "-", "1959/..", INTERNAL, "Water tower and mains", "Plans of the supply are not for the public."),
    ("MUN/BO/04", "S", "1988/..", LITIGATION, "Claims and proceedings", "Files of the town as a party; counsel's letters are privileged."),
    ("MUN/BO/04/1", "-", "2021/..", LITIGATION, "Quarry Lane subsidence", "Claim of eleven owners, case 2022/771 before the regional court."),
    ("MUN/BO/04/2", "-", "1988/1996", LITIGATION, "Lanza Works", "Chemical spill of 1987 and settlement of 1996."),
)  # fmt: skip

_OFFICES = (
    ("MUN/CR", "f", "1890/..", OPEN, "Civil Registry", "Births, marriages, deaths, citizenship and counts of the people."),
    ("MUN/CR/01", "S", "1890/..", OPEN, "Registers of births", "Closed for one hundred years, later volumes internal."),
    ("MUN/CR/02", "S", "1890/..", OPEN, "Registers of marriages", "Closed for seventy-five years."),
    ("MUN/CR/03", "S", "1890/..", OPEN, "Registers of deaths", "With the medical causes in a separate series since 1919."),
    ("MUN/CR/04", "S", "1901/..", INTERNAL, "Naturalisation", "One file for each applicant, with proofs of residence."),
    ("MUN/CR/05", "S", "1891/2021", OPEN, "Counts of the people", "Returns and tables of the counts every ten years."),
    ("MUN/PS", "f", "1890/..", OPEN, "Police and Civil Protection", "Records of the municipal police and the protection service."),
    ("MUN/PS/01", "S", "1890/..", INTERNAL, "Occurrence books", "Daily entries of the station, one volume a year."),
    ("MUN/PS/02", "S", "1908/..", CONFIDENTIAL, "Investigations", "Files by case; active cases are secret."),
    ("MUN/PS/02/1", "-", "1931/1933", CONFIDENTIAL, "Warehouse fire on Quai des Tanneurs", "Inquiry into the fire of 6 March 1931."),
    ("MUN/PS/02/2", "-", "1998/2002", CONFIDENTIAL, "Customs fraud, operation Lighthouse", "Joint inquiry with the customs post of the free port."),
    ("MUN/PS/02/3", "-", "2025/..", SECRET, "Inquiry 2025/14", "Active: threats against members of the council."),
    ("MUN/PS/03", "S", "1935/..", INTERNAL, "Civil protection plans", "Plans against flood, chemicals and war."),
    ("MUN/PS/03/1", "-", "1952/..", INTERNAL, "Flood", "Alarm stages of the Orlo and the storm of October 2024."),
    ("MUN/PS/03/2", "-", "1979/..", CONFIDENTIAL, "Chemical sites", "External plans for the works and the tank farm."),
    ("MUN/PS/03/3", "-", "1938/1991", CONFIDENTIAL, "Shelters", "Lists of shelters, keys and places."),
    ("MUN/HO", "f", "1892/..", OPEN, "Health Office", "Records of the medical officer of health."),
    ("MUN/HO/01", "S", "1892/..", OPEN, "Annual reports of the medical officer", "Printed until 1939."),
    ("MUN/HO/02", "S", "1893/..", OPEN, "Epidemics", "Returns, notices and orders."),
    ("MUN/HO/02/1", "-", "1918/1920", OPEN, "Influenza of 1918", "Weekly returns, notices, letters of the school doctor."),
    ("MUN/HO/02/2", "-", "2020/2023", INTERNAL, "Pandemic of 2020", "Situation reports, orders, tables of tests."),
    ("MUN/HO/03", "S", "1895/..", OPEN, "Inspections of food and water", "Reports by premises and by spring."),
    ("MUN/HO/04", "S", "1946/..", CONFIDENTIAL, "Medical assessments", "Under medical secrecy; opened one hundred years after birth."),
)  # fmt: skip

_HERITAGE = (
    ("LIB", "F", "1913/..", OPEN, "Town Library and Museum", "Institution founded by the gift of Wu Tingxian in 1913."),
    ("LIB/01", "S", "1913/..", OPEN, "Governance", "Deeds, minutes of the board, annual reports."),
    ("LIB/02", "S", "1913/..", OPEN, "Acquisitions and gifts", "Registers of accessions, letters with donors."),
    ("LIB/03", "S", "1926/..", OPEN, "Exhibitions", "Programmes, lists of loans, catalogues."),
    ("LIB/04", "S", "1888/..", OPEN, "Photographs", "Prints, glass plates and slides, scanned since 2018."),
    ("LIB/04/A", "s", "1888/..", OPEN, "Harbour and ships", "Glass plates of Paul Arnaud and later prints."),
    ("LIB/04/B", "s", "1895/..", OPEN, "Streets and squares", "From the building of the quays to the flood of 2024."),
    ("WF", "F", "1893/1951", OPEN, "Wu & Ferrari, merchants", "Papers of the trading house, deposited by the family in 1954."),
    ("WF/01", "S", "1893/1949", OPEN, "Letter books", "Press copies of letters sent, in four languages."),
    ("WF/02", "S", "1893/1951", OPEN, "Ledgers and accounts", "Cash books, ledgers of cargoes, balance sheets."),
    ("WF/03", "S", "1896/1951", OPEN, "Chinese letters 中文书信", "Letters from partners in Linwan and Shanghai; titles in the language of the letter."),
)  # fmt: skip


def _aggregation(row: tuple[str, str, str, Security, str, str]) -> Aggregation:
    code, level, dates, security, title, scope = row
    parent, _, _ = code.rpartition("/")
    return Aggregation(
        reference_code=code,
        parent=parent or None,
        level=_LEVELS[level],
        title=title,
        dates=span(dates),
        scope_and_content=scope,
        security=security,
        made_by=ARCHIVIST,
    )


AGGREGATIONS = tuple(_aggregation(row) for row in (*_MUNICIPALITY, *_OFFICES, *_HERITAGE))
