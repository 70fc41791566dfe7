"""Markup that is safe by construction."""

from rebnet.report.html import Html, join, number, table, tag, varying


def test_text_is_escaped_everywhere():
    evil = "<script>\"'&\ud800"
    safe = "&lt;script&gt;&quot;&#x27;&amp;?"
    assert tag("p", evil, title=evil) == f'<p title="{safe}">{safe}</p>'
    assert tag("p", title=Html('"')) == '<p title="&quot;"></p>'  # even markup is no attribute
    assert evil not in table((evil,), [(evil, evil)])


def test_elements():
    assert tag("b", 1, None, ["a", tag("i")], class_="x", data_tip="y", hidden=True, lang=None, draggable=False) == (
        '<b class="x" data-tip="y" hidden>1a<i></i></b>'
    )
    assert tag("input", value=3) == '<input value="3">'
    assert tag("line", x1=3) == '<line x1="3"></line>'
    assert join([]) == ""


def test_numbers():
    assert [number(None), number(1234.5), number(98.456, 2)] == ["–", "1,234", "98.46"]


def test_states_of_the_slider_are_ascii_and_stay_data():
    assert varying([{"text": "µ</script>", "class": None}]) == '[{"text":"\\u00b5</script>","class":null}]'
    assert "</script>" not in tag("i", data_at=varying([{"text": "</script>"}]))
