"""Cases that somebody brings: usable and unusable rows, none dropped, the file's faults said."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchkit.domain import TestCase
from benchkit.errors import InputError
from benchkit.generate.cases import adopt_cases, read_cases, schema_of
from benchkit.metrics.structured import schema_compliance

REAL = Path(__file__).parents[2] / "shared" / "data" / "customer_support_pairs.csv"
IMPOSSIBLE = {"type": "object", "required": ["a"], "properties": {"a": {"enum": []}}}


def table(folder, text: str | bytes, name: str = "cases.csv") -> pd.DataFrame:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_cases(str(path))


def lines(folder, *rows: object) -> pd.DataFrame:
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return table(folder, "\n".join(texts), "cases.jsonl")


def case(**row: object) -> dict[str, object]:
    return {"prompt": "Where is it?", "golden_response": "On its way."} | row


class TestCsv:
    def test_defaults(self, tmp_path):
        """Prompt and golden response are enough: id, category and kind follow."""
        row = table(tmp_path, "prompt,golden_response\nWhere?,There.\n").iloc[0]
        assert dict(row) == {
            "id": "row-0002",
            "test_case": "conversation",
            "category": "uncategorised",
            "prompt": "Where?",
            "golden_response": "There.",
            "response_schema": "",
            "attempt": 1,
            "parent_id": "",
            "family": "",
            "problem": "",
        }

    @pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
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
        text = 'id,prompt,golden_response\na,p,g\nb,"p"x,g\nc,p,g\nd,"p,g\ne,p,g\n'
        cases = table(tmp_path, text)
        assert cases["prompt"].tolist()[0::2] == ["p", "p"]
        assert "row 3: not readable as CSV" in cases["problem"][1]
        assert "lines 3 to 3" in cases["problem"][1]
        assert "lines 5 to 6" in cases["problem"][3]

    def test_an_unusable_row_takes_no_id(self, tmp_path):
        """A row that cannot be used does not make a later one with its id a duplicate."""
        cases = table(tmp_path, "id,prompt,golden_response\na,,g\na,p,g\n")
        assert cases["problem"].tolist() == ["row 2: prompt is empty", ""]

    def test_index_column(self, tmp_path):
        """The nameless column that pandas writes is no reason to turn rows down."""
        cases = table(tmp_path, ",prompt,golden_response\n0,p,g\n1,q,g\n")
        assert cases["prompt"].tolist() == ["p", "q"]
        assert (cases["problem"] == "").all()

    def test_control_characters_and_formulas(self, tmp_path):
        """NUL, control characters and formulas in a prompt are text."""
        cases = table(tmp_path, "prompt,golden_response\n=1+1\x00\x07,'=g\n")
        assert cases.loc[0, ["prompt", "golden_response", "problem"]].tolist() == ["=1+1\x00\x07", "'=g", ""]

    def test_long_prompts(self, tmp_path):
        """A prompt of 300 KB is a usable case."""
        cases = table(tmp_path, f"prompt,golden_response\n{'word ' * 60_000},g\n")
        assert len(cases["prompt"][0]) == 300_000
        assert cases["problem"][0] == ""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "no column prompt or golden_response (it has: nothing)"),
            ("prompt,answer\np,g\n", "no column golden_response (it has: prompt, answer)"),
            ("prompt;golden_response\np;g\n", "it has: prompt;golden_response"),
            ("prompt,golden_response\n", "holds no row"),
            ("prompt,golden_response,prompt\np,g,p\n", "has the column prompt twice"),
            ('"prompt', "first row that is not readable as CSV"),
            ("prompt,golden_response\np,é\n".encode("latin-1"), "is not UTF-8 (byte 25)"),
            ("prompt,golden_response\np,g\n".encode("utf-16"), "is not UTF-8 (byte 0)"),
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
        frame = pd.DataFrame({"prompt": prompts, "golden_response": "g"})
        frame.to_csv(tmp_path / "cases.csv", index=False, lineterminator="\r\n")
        cases = read_cases(str(tmp_path / "cases.csv"))
        assert cases["prompt"].tolist() == prompts
        assert [bool(p) for p in cases["problem"]] == [not p.strip() for p in prompts]


class TestJsonl:
    def test_objects_are_json_cases(self, tmp_path):
        """A golden object makes a json case, with its own schema or with one of the same shape."""
        schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
        cases = lines(
            tmp_path, case(golden_response={"a": 1}, response_schema=schema), case(golden_response={"b": 2})
        )
        assert cases["test_case"].tolist() == ["json", "json"]
        assert json.loads(cases["response_schema"][0]) == schema
        assert json.loads(cases["response_schema"][1])["required"] == ["b"]
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
            case(id=0),
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
            ("[1]\n[2]", "no JSON object on any line"),
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
            case(test_case="Customer,  Agent"),
            case(test_case="agent, customer"),
        )
        assert cases["test_case"].tolist() == ["json", "conversation", "conversation"]
        assert cases["golden_response"][0] == '{"a": true}'
        assert (cases["problem"] == "").all()


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        min_size=1,
    )
)
def test_a_golden_meets_the_schema_made_of_it(golden):
    """The schema that is made where none was brought accepts the golden, and tells none of its values."""
    schema = schema_of(golden)
    assert schema_compliance(golden, schema) == 1
    assert {"const", "enum", "default", "examples"}.isdisjoint(schema)


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
        with pytest.raises(InputError, match="holds no usable case"):
            adopt_cases(frame[1:2])
        with pytest.raises(InputError, match="holds no usable case"):
            adopt_cases(frame[:0])


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
