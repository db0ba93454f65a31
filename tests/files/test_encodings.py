"""Encodings that cannot be told are guessed for the message, and the option that it names works."""

import re

import numpy as np
import pandas as pd
import pytest

from commands import assert_clean_error, call, without
from lowland.files.tables import load_table

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
    arguments = ("complete", "t.csv", "--rank", "1", "--no-certify", "--output", "o.csv")
    result = call(*arguments, cwd=tmp_path)
    assert_clean_error(result, "cannot be told", "it looks like")
    words = " ".join(result.stderr.split())
    assert repr(cities[1]) in words
    option = re.search(r"(--encoding) (\w+)", words).groups()
    assert option[1] == encoding
    assert call(*arguments, *option, cwd=tmp_path).returncode == 0
    out = pd.read_csv(tmp_path / "o.csv")
    assert out.iloc[:, 0].tolist() == cities
    np.testing.assert_array_equal(out["y"].drop(3), [k * k for k in range(12) if k != 3])


def test_without_the_extra_the_encoding_is_asked_for(tmp_path):
    write(tmp_path / "t.csv", "cp1251")
    with without("charset_normalizer"), pytest.raises(ValueError, match="cannot be told") as caught:
        load_table(tmp_path / "t.csv")
    assert "looks like" not in str(caught.value)
    assert "name the encoding" in str(caught.value)
