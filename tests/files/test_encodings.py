"""Encodings that cannot be told are guessed for the message, and the option that it names works."""

import re

import numpy as np
import pandas as pd
import pytest

from commands import assert_clean_error, call, without
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from lowland.files.text.encodings import find_encoding

CITIES = {
    "cp1251": "Москва Казань Омск Самара Уфа Пермь Волгоград Воронеж Саратов Тюмень Томск Киров",
    "cp866": "Москва Казань Омск Самара Уфа Пермь Волгоград Воронеж Саратов Тюмень Томск Киров",
    "cp932": "東京 大阪 名古屋 札幌 福岡 神戸 京都 横浜 さいたま ひろしま 仙台 新潟",
    "gb18030": "北京 上海 广州 深圳 杭州 南京 武汉 成都 西安 重庆 天津 苏州",
    "cp1256": "القاهرة الإسكندرية الجيزة طنطا أسيوط بغداد دمشق الرياض جدة تونس الرباط عمان",
}


def write(path, encoding):
    cities = CITIES[encoding].split()
    lines = [f"{city},{1.5 * k},{'' if k == 3 else k * k}" for k, city in enumerate(cities)]
    path.write_bytes("\n".join([f"{cities[1]},x,y", *lines, ""]).encode(encoding))
    return cities


@pytest.mark.parametrize("encoding", CITIES)
def test_the_encoding_that_the_message_names_works(tmp_path, encoding):
    pytest.importorskip("charset_normalizer")
    cities = write(tmp_path / "t.csv", encoding)
    fit = ("--rank", "1", "--method", "map", "--penalty", "1", "--no-certify")
    arguments = ("complete", "t.csv", *fit, "--output", "o.csv")
    result = call(*arguments, cwd=tmp_path)
    assert_clean_error(result, "cannot be told", "it looks like")
    words = " ".join(result.stderr.split())
    assert repr(cities[1]) in words
    option = re.search(r"(--encoding) (\w+)", words).groups()
    assert option[1] == encoding
    assert call(*arguments, *option, cwd=tmp_path).returncode == 0
    out = pd.read_csv(tmp_path / "o.csv", encoding=encoding)  # text keeps its encoding
    assert out.iloc[:, 0].tolist() == cities
    np.testing.assert_array_equal(out["y"].drop(3), [k * k for k in range(12) if k != 3])


def test_without_the_extra_letters_of_languages_are_looked_for(tmp_path):
    write(tmp_path / "t.csv", "cp1251")
    with without("charset_normalizer"), pytest.raises(ValueError, match="cannot be told") as caught:
        load_table(tmp_path / "t.csv")
    assert "if 'Казань' is a word of it, it looks like cp1251: encoding=\"cp1251\"" in str(caught.value)
    write(tmp_path / "t.csv", "cp932")
    with without("charset_normalizer"), pytest.raises(ValueError, match="name the encoding"):
        load_table(tmp_path / "t.csv")


WESTERN = {
    "German": "Köln Düsseldorf Größe ÜBERSICHT",
    "French": "café Besançon Nîmes l’Haÿ où «œuvre» Évreux",
    "Spanish": "¿dónde? ¡aquí! Logroño Cádiz",
    "Portuguese": "São João Macapá Niterói Goiânia ações 1.º",
    "Nordic": "Ålesund Tromsø Malmö Århus Ærø",
    "Finnish": "Jyväskylä Hämeenlinna Pääjärvi",
    "Icelandic": "Ísafjörður Höfn Þingvellir Garðabær",
    "signs": "20°C 5µm 3m² ±2 A–B “quoted” it’s 5€ £3 ½ §7 ©2024",
    "cities of several languages": "Köln Genève Cádiz Malmö Besançon",
}


@pytest.mark.parametrize("name", WESTERN)
def test_western_words_are_read_and_one_is_shown(tmp_path, name):
    words = WESTERN[name].split()
    path = tmp_path / "t.csv"
    path.write_bytes("".join(f"{x},{k},{k * k}\n" for k, x in enumerate(["", *words] * 3)).encode("cp1252"))
    read = load_table(path, Reading(layout="wide", form=TableFormat(header=False, row_labels=False)))
    shown = next(word for word in words if not word.isascii())
    assert f"encoding Windows-1252 (Latin-1), as in {shown!r} (--encoding)" in read.decided


OTHERS = {
    "cp1250": "sklep łódź|Plzeň Děčín Třebíč|Győr Székesfehérvár Tűz|Košice Žilina Ľubica ďalej",
    "iso8859_2": "łódź ząb|Tišnov Žďár",
    "cp1254": "Iğdır Şişli Muğla Çorum",
    "cp1257": "Rīga Jūrmala šķērsiela",
    "koi8_r": "магазин номер",
    "cp1253": "κατάστημα Αθήνα",
    "cp1255": "חנות ספרים",
    "shift_jis": "店|東京 大阪",
    "euc_kr": "가게 서울",
    "mac_roman": "café Köln|Ålesund",
}


@pytest.mark.parametrize(
    ("encoding", "words"), [(key, one) for key, many in OTHERS.items() for one in many.split("|")]
)
def test_words_of_other_encodings_are_refused(encoding, words):
    data = "".join(f"{word} {k},{k},{k * k}\n" for k, word in enumerate(words.split() * 9)).encode(encoding)
    with pytest.raises(ValueError, match="cannot be told") as caught:
        find_encoding(data, "t.csv")
    if encoding not in ("shift_jis", "euc_kr", "mac_roman"):
        assert f'encoding="{encoding}"' in str(caught.value)
