"""Cases that somebody brings: usable and unusable rows, none dropped, the file's faults said."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchkit.domain import TestCase
from benchkit.errors import InputError
from benchkit.execute import execute, plan_execution
from benchkit.generate import say_unusable
from benchkit.generate.cases import ABSENT, adopt_cases, read_cases, schema_of
from benchkit.metrics.schemas import schema_compliance
from benchkit.offline import OfflineServer

from .staging import HASTY, STEADY, client_on

REAL = Path(__file__).parents[2] / "shared" / "data" / "customer_support_pairs.csv"
IMPOSSIBLE = {"type": "object", "required": ["a"], "properties": {"a": {"enum": []}}}


def table(folder, text: str | bytes, name: str = "cases.csv") -> pd.DataFrame:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_cases(str(path))


def lines(folder, *rows: object) -> pd.DataFrame:
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return table(folder, "\n".join(texts), "cases.jsonl")


def case(prompt: object = "Where is it?", **row: object) -> dict[str, object]:
    return {"prompt": prompt, "golden_response": "On its way."} | row


class TestCsv:
    def test_defaults(self, tmp_path):
        """Prompt and golden response are enough: id, category and kind follow."""
        row = table(tmp_path, "prompt,golden_response\nWhere?,There.\n").iloc[0]
        assert dict(row) == {
            "id": "row-0002",
            "test_case": "conversation",
            "category": "uncategorised",
            "family": "",
            "prompt": "Where?",
            "golden_response": "There.",
            "response_schema": "",
            "requirements": "",
            "attempt": 1,
            "parent_id": "",
            "problem": "",
        }

    @pytest.mark.parametrize(("start", "newline"), [(b"", "\r"), (b"\xef\xbb\xbf", "\r\n")])
    def test_newlines_and_byte_order_mark(self, tmp_path, start, newline):
        """CRLF, a byte order mark and quoted line breaks change nothing of the text."""
        text = newline.join(("id,prompt,golden_response", f'a,"one{newline}two, ""so""",g', "b,p,g", ""))
        cases = table(tmp_path, start + text.encode())
        assert cases["prompt"].tolist() == [f'one{newline}two, "so"', "p"]
        assert cases["id"].tolist() == ["a", "b"]
        assert (cases["problem"] == "").all()

    def test_unusable_rows_say_row_and_reason(self, tmp_path):
        """Every row stays in file order; the unusable ones name the row that a spreadsheet shows, and why."""
        text = (
            "id,prompt,golden_response,test_case,response_schema\n"
            'a,"fine\nin two lines",yes,,\n'
            "a,again,yes,,\n"
            "b, ,yes,,\n"
            "c,p,,,\n"
            "d,p,g,poem,\n"
            "e,p,[1],json,\n"
            "f,p,not json,json,\n"
            "g,p,{},json,\n"
            'h,p,"{""a"": 1}",json,"{""type"": 5}"\n'
            'i,p,"{""a"": 1}",json,"{""type"": ""array""}"\n'
            "j,p,g\n"
            "k,p,g,,,extra\n"
            "\n"
            'l,p,g,"conversation",\n'
        )
        cases = table(tmp_path, text)
        assert cases["id"].tolist() == ["a", *"abcdefghijkl"]
        said = dict(zip([*"Aabcdefghijkl"], cases["problem"], strict=True))
        assert said["A"] == said["l"] == ""
        assert said["a"] == "row 3: id a stands in row 2 already"
        assert said["b"] == "row 4: prompt is empty"
        assert said["c"] == "row 5: golden_response is empty"
        assert said["d"] == "row 6: test_case 'poem' is neither of: json, conversation"
        assert "row 7: golden_response is no object" in said["e"]
        assert "row 8: golden_response is not JSON" in said["f"]
        assert said["g"] == "row 9: golden_response is an empty object"
        assert "row 10: The response schema is no JSON Schema" in said["h"]
        assert "row 11: The response schema has type array" in said["i"]
        assert said["j"] == "row 12: has 3 cells, the header 5"
        assert said["k"] == "row 13: has 6 cells, the header 5"

    def test_an_open_quote_hides_nothing(self, tmp_path):
        """A quote that never closes says which lines it swallowed; one that closes early costs one row."""
        text = 'id,prompt,golden_response\na,p,g\nb,"p"x,g\nc,q,g\nd,"p,g\ne,p,g\n'
        cases = table(tmp_path, text)
        assert cases["prompt"].tolist()[0::2] == ["p", "q"]
        assert "row 3: not readable as CSV" in cases["problem"][1]
        assert "; line 3)" in cases["problem"][1]
        assert "lines 5 to 6" in cases["problem"][3]

    def test_index_column(self, tmp_path):
        """The nameless column that pandas writes is no reason to turn rows down."""
        cases = table(tmp_path, ",prompt,golden_response\n0,p,g\n1,q,g\n")
        assert cases["prompt"].tolist() == ["p", "q"]
        assert (cases["problem"] == "").all()

    def test_control_characters_and_formulas(self, tmp_path):
        """NUL, control characters and formulas in a prompt are text."""
        cases = table(tmp_path, "prompt,golden_response\n=1+1\x00\x07,'=g\n")
        assert cases.loc[0, ["prompt", "golden_response", "problem"]].tolist() == ["=1+1\x00\x07", "'=g", ""]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "no column prompt or golden_response (it has: nothing)"),
            ("prompt,answer\np,g\n", "no column golden_response (it has: prompt, answer)"),
            ("prompt,golden_response\n", "holds no row"),
            ("prompt,golden_response,prompt\np,g,p\n", "has the column prompt twice"),
            ('"prompt', "first row that is not readable as CSV"),
            (b"PK\x03\x04 a workbook", "is a workbook. Save its sheet as CSV"),
            (bytes(range(256)) * 4, "is no text in any known encoding"),
        ],
    )
    def test_faults_of_the_file(self, tmp_path, text, said):
        """A file that is no such table names itself, the fault and what to do."""
        with pytest.raises(InputError) as error:
            table(tmp_path, text)
        assert said in str(error.value)
        assert "cases.csv" in str(error.value)

    def test_no_file(self, tmp_path):
        """A file that is missing or a folder is said; no file at all is an empty table."""
        for path in (tmp_path / "none.csv", tmp_path):
            with pytest.raises(InputError, match="is not a file"):
                read_cases(str(path))
        assert list(read_cases("").columns)[:2] == ["id", "test_case"]
        assert not len(read_cases(""))

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(prompts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
    def test_nothing_is_dropped(self, tmp_path, prompts):
        """As many rows come out as went in, each with its own prompt."""
        frame = pd.DataFrame({"prompt": prompts, "golden_response": [f"g{i}" for i in range(len(prompts))]})
        frame.to_csv(tmp_path / "cases.csv", index=False, lineterminator="\r\n")
        cases = read_cases(str(tmp_path / "cases.csv"))
        said = ["" if p.strip().lower() in ABSENT else p for p in prompts]
        assert cases["prompt"].tolist() == said
        assert [bool(p) for p in cases["problem"]] == [not p for p in said]


class TestJsonl:
    def test_objects_are_json_cases(self, tmp_path):
        """A golden object makes a json case, with its own schema or with one that all others share."""
        schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
        bare = [case(golden_response=golden) for golden in ({"b": 2}, {"b": 3.5})]
        cases = lines(tmp_path, case(golden_response={"a": 1}, response_schema=schema), *bare)
        assert cases["test_case"].tolist() == ["json"] * 3
        assert json.loads(cases["response_schema"][0]) == schema
        assert json.loads(cases["response_schema"][1]) == {
            "type": "object",
            "properties": {"b": {"type": "number"}},
            "required": ["b"],
        }
        assert TestCase.from_row(cases.iloc[1]).golden_response == {"b": 2}

    def test_unusable_lines(self, tmp_path):
        """Every line stays; what is no object, no text or not readable says so with its line number."""
        cases = lines(
            tmp_path,
            case(),
            "",
            "{broken",
            "[1, 2]",
            {"prompt": "p"},
            case(prompt=["a"]),
            case(golden_response=["a"]),
            case(golden_response=[], test_case="json"),
            case(golden_response={"a": 1}, response_schema=IMPOSSIBLE | {"properties": {"a": {"type": "x"}}}),
            "[" * 100_000,
            case("Why?", id=0),
        )
        problems = cases["problem"].tolist()
        assert problems[0] == problems[-1] == ""
        for problem, said in zip(
            problems[1:-1],
            [
                "row 3: not readable as JSON",
                "row 4: not a JSON object",
                "row 5: golden_response is empty",
                "row 6: prompt is not text",
                "row 7: golden_response is not text",
                "row 8: golden_response is no object",
                "row 9: The response schema is no JSON Schema",
                "row 10: not readable as JSON",
            ],
            strict=True,
        ):
            assert problem.startswith(said)
        assert cases["id"].iloc[-1] == "0"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("5\n[2]", "no JSON object"),
            ("[1, 2]", "no JSON object"),
            ('[\n{"prompt": "p", "golden_response": "g"},\n]', "is no JSON array"),
            ('{"a": 1}', "no column prompt"),
            ("", "no column prompt"),
        ],
    )
    def test_faults_of_the_file(self, tmp_path, text, said):
        """An array, other columns and an empty file are said of the file as a whole."""
        with pytest.raises(InputError, match=said):
            table(tmp_path, text, "cases.JSONL")

    def test_python_literals_and_names(self, tmp_path):
        """Goldens written as Python and the two sides of a conversation are understood."""
        cases = lines(
            tmp_path,
            case(golden_response="{'a': True}", test_case="JSON"),
            case(golden_response="{'a': False}"),
            case(test_case="Customer,  Agent"),
            case("Why?", test_case="agent, customer"),
        )
        assert cases["test_case"].tolist() == ["json", "json", "conversation", "conversation"]
        assert cases["golden_response"][0] == '{"a": true}'
        assert (cases["problem"] == "").all()


class TestRowsThatCannotBeUsed:
    """01 says how many there are and why, before anything is asked of a model under test."""

    def test_some(self, tmp_path, caplog):
        """One warning with the first reasons; none where every row can be used."""
        logging.getLogger("benchkit").addHandler(caplog.handler)
        say_unusable(lines(tmp_path, case()), "cases.jsonl")
        assert not caplog.records
        say_unusable(lines(tmp_path, case(), case(""), case(), "5", "6"), "cases.jsonl")
        logging.getLogger("benchkit").removeHandler(caplog.handler)
        (record,) = caplog.records
        assert record.getMessage() == (
            "cases.jsonl: 1 of 5 rows can be used (row 2: prompt is empty; row 3: the same case as row 1; "
            "row 4: not a JSON object; …). initial_tests.csv has every row with its problem."
        )

    def test_none(self, tmp_path):
        """Without a single case the run ends, and says where to look; cases that are generated go on."""
        said = r"cases\.jsonl: 0 of 2 rows can be used \(row 1: prompt is empty; row 2: .*Mend the file"
        with pytest.raises(InputError, match=said):
            say_unusable(lines(tmp_path, case(""), case(" ")), "cases.jsonl")
        say_unusable(read_cases(""), "")


class TestWhatIsAssumed:
    """Files as people and programs save them are read, and what had to be assumed is said."""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("Prompt;Golden_Response;ID\nWo?;Hier, Müller.;a\n".encode("cp1252"), "read as cp1252"),
            ("prompt;golden_response;id\nWo?;Hier, Müller.;a\n", "semicolons between its cells"),
            ("prompt\tgolden_response\tid\nWo?\tHier, Müller.\ta\n", "tabs between its cells"),
            (
                'PROMPT , Golden_response,Id\nWo?,"Hier, Müller.",a\n',
                "PROMPT, Golden_response, Id was read as",
            ),
            ('prompt,golden_response,id\nWo?,"Hier, Müller.",a\n'.encode("utf-16"), ""),
        ],
    )
    def test_tables(self, tmp_path, caplog, text, said):
        """Encoding, separator and letters of the header are told from the file."""
        logging.getLogger("benchkit").addHandler(caplog.handler)
        row = table(tmp_path, text).iloc[0]
        logging.getLogger("benchkit").removeHandler(caplog.handler)
        assert (row["prompt"], row["golden_response"], row["id"]) == ("Wo?", "Hier, Müller.", "a")
        assert row["problem"] == ""
        assert said in caplog.text

    @pytest.mark.parametrize(
        ("encoding", "golden"),
        [
            ("cp1252", "danke für die Frage ünd so"),
            ("cp932", "お問い合わせありがとうございます。"),
            ("cp1251", "Спасибо за вопрос. Заказ отправлен."),
        ],
    )
    def test_one_row_in_another_encoding(self, tmp_path, encoding, golden):
        """A few accents are Western Europe's; another alphabet is told by how much of it there is."""
        cases = table(tmp_path, f"prompt,golden_response\nWo?,{golden}\n".encode(encoding))
        assert cases["golden_response"].tolist() == [golden]

    def test_a_comma_file_with_semicolons_in_its_text(self, tmp_path):
        """The header decides, not how often a mark occurs."""
        cases = table(tmp_path, "prompt,golden_response\na;b;c;d,e;f;g\n")
        assert cases.loc[0, ["prompt", "golden_response"]].tolist() == ["a;b;c;d", "e;f;g"]

    def test_an_array(self, tmp_path):
        """One JSON array, on one line or several, is the rows that it holds."""
        rows = [case(str(i), id=f"c{i}") for i in range(6)]
        for text in (json.dumps(rows), json.dumps(rows, indent=1), "\n" + json.dumps([*rows, 5])):
            cases = table(tmp_path, text, "cases.json")
            assert cases["id"].tolist()[:6] == [f"c{i}" for i in range(6)]
        assert cases["problem"].tolist() == [""] * 6 + ["row 7: not a JSON object"]

    @pytest.mark.parametrize("nothing", ["NaN", "null", '"<NA>"', '" "'])
    def test_cells_that_hold_nothing(self, tmp_path, nothing):
        """NaN, null and their names are absent in every column, a needed one too."""
        names = ("id", "test_case", "category", "family", "response_schema", "requirements")
        row = ", ".join(f'"{name}": {nothing}' for name in names)
        second = f'{{"prompt": "q", "golden_response": {nothing}}}'
        text = f'{{"prompt": "p", "golden_response": "g", {row}}}\n{second}'
        cases = table(tmp_path, text, "cases.jsonl")
        assert cases.loc[0, list(names)].tolist() == ["row-0001", "conversation", "uncategorised", "", "", ""]
        assert cases["problem"].tolist() == ["", "row 2: golden_response is empty"]
        text = "prompt,golden_response,test_case,category\np,g,NULL,NaN\nnan,g,,\n"
        cases = table(tmp_path, text)
        assert cases.loc[0, ["test_case", "category"]].tolist() == ["conversation", "uncategorised"]
        assert cases["problem"].tolist() == ["", "row 3: prompt is empty"]

    def test_numbers_as_ids(self, tmp_path):
        """pandas writes 1.0 where another row has no id."""
        assert lines(tmp_path, case(id=1.0), case("Why?", id=2))["id"].tolist() == ["1", "2"]

    def test_objects_as_text(self, tmp_path, caplog):
        """A golden that is a JSON object makes a json case unless the row says otherwise; prose does not."""
        golden = '"{""order"": ""A-1"", ""amount"": 10.5}"'
        rows = [f"{i},{golden.replace('A-1', f'A-{i}')}," for i in range(3)]
        text = "\n".join(["prompt,golden_response,test_case", *rows, f"p,{golden},conversation", "q,{x} is,"])
        logging.getLogger("benchkit").addHandler(caplog.handler)
        cases = table(tmp_path, text)
        logging.getLogger("benchkit").removeHandler(caplog.handler)
        assert cases["test_case"].tolist() == ["json"] * 3 + ["conversation"] * 2
        assert (cases["problem"] == "").all()
        assert "3 rows without a test_case have a JSON object" in caplog.text

    def test_exact_copies_are_no_second_case(self, tmp_path):
        """The same prompt and golden again, under whichever id, blanks aside; another golden is no copy."""
        cases = lines(
            tmp_path,
            case(id="a"),
            case(id="b"),
            case(id="a"),
            case("Where is it? "),
            case(golden_response="No."),
        )
        same = "the same case as row 1"
        assert cases["problem"].tolist() == ["", *(f"row {i}: {same}" for i in (2, 3, 4)), ""]

    def test_family_and_requirements_are_kept(self, tmp_path):
        """Optional columns; what is a list in JSON is its text."""
        row = lines(tmp_path, case(family=" f1 ", requirements=[{"text": "says when"}])).iloc[0]
        kept = '[{"id": "r1", "text": "says when", "kind": "must", "weight": 1, "value": ""}]'
        assert (row["family"], row["requirements"]) == ("f1", kept)

    @pytest.mark.parametrize(
        ("requirements", "said"),
        [
            ([{"text": "a", "weight": 7}], "requirement r1 has the weight 7; use 1, 2 or 3"),
            ([{"id": "x", "text": "a"}, {"id": "x", "text": "b"}], "two requirements have the id 'x'"),
            ("[{", "requirements cannot be used: "),
        ],
    )
    def test_requirements_that_cannot_be_used(self, tmp_path, requirements, said):
        """The row says what is wrong with which; one a line is as good as JSON."""
        cases = lines(tmp_path, case(requirements=requirements), case("?", requirements="ask\nmust not deny"))
        assert cases["problem"].iloc[0].startswith("row 1: requirements cannot be used: ")
        assert said in cases["problem"].iloc[0]
        kinds = [one.kind for one in TestCase.from_row(cases.iloc[1]).requirements]
        assert (cases["problem"].iloc[1], kinds) == ("", ["must", "must_not"])

    def test_a_negation_that_is_not_understood_is_named(self, tmp_path, caplog):
        """By row, requirement and text; a kind or a ban that is understood settles it."""
        settled = [{"text": "say that it is not due", "kind": "must"}, {"text": "deny", "must_not": True}]
        logging.getLogger("benchkit").addHandler(caplog.handler)
        lines(
            tmp_path,
            case(requirements="ask\nThe customer must not pay twice\nIt must not promise a refund"),
            case("?", requirements=settled),
            case("!", requirements=["Avoid blame"]),
        )
        logging.getLogger("benchkit").removeHandler(caplog.handler)
        assert "2 negations not understood, so read as what an answer must do" in caplog.text
        assert "row 1, r2 'The customer must not pay twice'; row 3, r1 'Avoid blame'. Begin" in caplog.text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
GOLDENS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, min_size=1), min_size=1, max_size=4)


class TestSchemas:
    @given(GOLDENS, st.sampled_from([1, 2]))
    def test_goldens_meet_the_schema_made_of_them(self, goldens, least):
        """What is made where none was brought accepts every golden and tells none of their values."""
        schema = schema_of(goldens, least=least)
        assert {schema_compliance(golden, schema) for golden in goldens} == {1}
        assert {"const", "enum", "default", "examples"}.isdisjoint(schema)

    def test_null_and_lone_keys_tell_nothing(self):
        """A null is the same in whichever golden, and a key that one golden has alone is not named."""
        goldens = [
            {"order": "A-1", "coupon": None, "never": None, "items": {"kettle": 2}},
            {"order": "A-2", "coupon": "SAVE5", "never": None, "items": {"lamp": 1}, "n": 1},
        ]
        assert schema_of(goldens) == {
            "type": "object",
            "properties": {
                "order": {"type": "string"},
                "coupon": {"type": ["string", "null"]},
                "never": {},
                "items": {"type": "object", "properties": {}, "required": []},
            },
            "required": ["order", "coupon", "never", "items"],
        }
        swapped = [goldens[0] | {"coupon": "SAVE5"}, goldens[1] | {"coupon": None}]
        assert schema_of(swapped) == schema_of(goldens)

    def test_one_golden_alone_has_to_bring_its_schema(self, tmp_path):
        """What would be made of it would tell it to the models."""
        alone = lines(tmp_path, case(golden_response={"a": 1}), case())
        assert alone["problem"][0].startswith("row 1: response_schema is absent, and one made of golden")
        apart = lines(tmp_path, case(golden_response={"a": 1}), case("Why?", golden_response={"b": 2}))
        assert (apart["problem"] != "").all()

    async def test_what_a_model_sees_is_the_same_whatever_is_null(self, tmp_path, monkeypatch):
        """The requests themselves: the same schema for every case, and no golden value anywhere in them."""
        goldens = [{"order": f"A-{i}", "coupon": None if i % 2 else f"SECRET{i}"} for i in range(4)]
        rows = [case(f"Order {i}?", golden_response=golden) for i, golden in enumerate(goldens)]
        with OfflineServer(latency_ms=0, record=True) as server:
            client = client_on(server, tmp_path / "run", monkeypatch)
            await execute(plan_execution(client, lines(tmp_path, *rows), [STEADY, HASTY], 1), client)
            sent = [json.dumps(request) for request in server.requests]
        tools = {json.dumps(request["tools"]) for request in server.requests if "tools" in request}
        assert (len(sent), len(tools)) == (8, 1)
        assert not [text for text in sent if "SECRET" in text]


class TestAdopting:
    def test_bad_cases_are_left_out_aloud(self):
        """The unusable cases of a foreign file are named with their rows; the others are adopted."""
        frame = pd.DataFrame(
            {
                "id": ["a", "b", "a"],
                "prompt": ["p", "p", "q"],
                "test_case": ["customer, agent", "json", "conversation"],
                "category": "",
                "golden_response": ["g", "nothing", "g"],
                "response_schema": "",
                "attempt": 1,
                "parent_id": "",
                "problem": "",
            }
        )
        adopted = adopt_cases(frame)
        assert adopted[["id", "category"]].to_numpy().tolist() == [["a", "uncategorised"]]
        left_out = adopted.attrs["unusable"]
        assert list(left_out) == ["b", "a"]
        assert left_out["b"].startswith("row 3: ")
        assert left_out["a"] == "row 4: id a stands in row 2 already"
        assert adopted.attrs["rows_used"] == "1 of 3 rows used: 2 unusable"
        with pytest.raises(InputError, match="holds no usable case"):
            adopt_cases(frame[1:2])
        with pytest.raises(InputError, match="holds no usable case"):
            adopt_cases(frame[:0])

    def test_columns_of_their_own_are_kept_and_ignored(self):
        """Also one that is called `problem`, as ours is."""
        frame = pd.DataFrame(
            {"id": ["a "], "prompt": ["p"], "test_case": [""], "golden_response": ["g"], "problem": ["late"]}
        )
        adopted = adopt_cases(frame)
        assert adopted[["id", "problem"]].to_numpy().tolist() == [["a", "late"]]
        assert adopted.attrs["unusable"] == {}

    def test_an_absent_golden_makes_no_case(self):
        """What pandas wrote for nothing would mark every model down."""
        frame = pd.DataFrame(
            {"id": ["a", "b"], "prompt": "p", "test_case": "", "golden_response": ["nan", "g"]}
        )
        assert adopt_cases(frame).attrs["unusable"] == {"a": "row 2: golden_response is empty"}


@pytest.mark.skipif(not REAL.exists(), reason="the real customer-support pairs are not on this machine")
def test_real_cases_are_read_whole():
    """All 297 real prompts are usable cases of 27 intents' categories, read in a moment."""
    began = time.process_time()
    cases = read_cases(str(REAL))
    assert time.process_time() - began < 2
    assert len(cases) == cases["id"].nunique() == 297
    assert (cases["problem"] == "").all()
    assert (cases["test_case"] == "conversation").all()
    source = pd.read_csv(REAL, keep_default_na=False)
    assert cases["prompt"].tolist() == source["prompt"].tolist()
    assert cases["golden_response"].tolist() == source["golden_response"].tolist()
