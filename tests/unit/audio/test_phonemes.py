"""What the voice says, told in espeak-ng's own phonemes.

The expectation is what the pinyin voice gives for pinyin written by hand
(after tone sandhi, as people speak), so text and pinyin take different ways.
"""

import re

import pytest

from patrolctl.audio import normalize, phonemes

PHRASES = {
    "1201室": "yi1 er4 ling2 yi1 shi4",
    "502室": "wu3 ling2 er4 shi4",
    "3月28日": "san1 yue4 er4 shi2 ba1 ri4",
    "11月1日": "shi2 yi1 yue4 yi1 ri4",
    "10月12日": "shi2 yue4 shi2 er4 ri4",
    "三号门": "san1 hao4 men2",
    "3号门": "san1 hao4 men2",
    "1号楼": "yi1 hao4 lou2",
    "一号楼": "yi1 hao4 lou2",
    "11号楼": "shi2 yi1 hao4 lou2",
    "12号楼": "shi2 er4 hao4 lou2",
    "15楼": "shi2 wu3 lou2",
    "2楼": "er4 lou2",
    "33层": "san1 shi2 san1 ceng2",
    "2单元": "er4 dan1 yuan2",
    "4单元": "si4 dan1 yuan2",
    "14:30": "shi2 si4 dian3 san1 shi2 fen1",
    "8:05": "ba1 dian3 ling2 wu3 fen1",
    "2点": "liang3 dian3",
    "11点": "shi2 yi1 dian3",
    "9点30分": "jiu3 dian3 san1 shi2 fen1",
    "7点半": "qi1 dian3 ban4",
    "拨打120": "bo1 da3 yao1 er4 ling2",
    "拨打110": "bo1 da3 yao1 yao1 ling2",
    "13800138000": "yao1 san1 ba1 ling2 ling2 yao1 san1 ba1 ling2 ling2 ling2",
    "83712345": "ba1 san1 qi1 yao1 er4 san1 si4 wu3",
    "2m": "liang3 mi3",
    "2米": "liang3 mi3",
    "3km": "san1 gong1 li3",
    "5kg": "wu3 gong1 jin1",
    "25℃": "er4 shi2 wu3 she4 shi4 du4",
    "90%": "bai3 fen1 zhi1 jiu3 shi2",
    "3-5天": "san1 dao4 wu3 tian1",
    "2户": "liang3 hu4",
    "2个": "liang3 ge5",
    "24小时": "er4 shi2 si4 xiao3 shi2",
    "60岁": "liu4 shi2 sui4",
    "第1次": "di4 yi1 ci4",
    "第3针": "di4 san1 zhen1",
    "2022年": "er4 ling2 er4 er4 nian2",
    "1949年": "yi1 jiu3 si4 jiu3 nian2",
    "007": "ling2 ling2 qi1",
    "１２０１室": "yi1 er4 ling2 yi1 shi4",
    "邳州": "pi1 zhou1",
    "徐州": "xu2 zhou1",
    "居民": "ju1 min2",
    "核酸": "he2 suan1",
    "三楼": "san1 lou2",
    "请注意": "qing3 zhu4 yi4",
    "房间": "fang2 jian1",
}
LATIN = {
    "A座": ("'eI", "zuo4"),
    "B座": ("b'i:", "zuo4"),
    "AB座": ("'eI b'i:", "zuo4"),
    "C区": ("s'i:", "qu1"),
    "B1层": ("b'i:", "yi1 ceng2"),
    "N95口罩": ("'En", "jiu3 wu3 kou3 zhao4"),
    "PCR检测": ("p'i: s'i: 'A@", "jian3 ce4"),
    "VIP室": ("v'i: aI p'i:", "shi4"),
    "G104": ("dZ'i:", "yi1 ling2 si4"),
    "1201A室": ("'eI", "yi1 er4 ling2 yi1 shi4"),
}


def plain(names: str) -> str:
    """Without stress, word separators and language switches."""
    return re.sub(r"\((?:en|cmn)\)|[',_| \[;:]", "", names)


async def heard(text: str) -> str:
    return plain(await phonemes(normalize(text, "zh"), "cmn"))


@pytest.mark.parametrize(("written", "pinyin"), PHRASES.items())
async def test_mandarin(written: str, pinyin: str) -> None:
    assert await heard(written) == plain(await phonemes(pinyin, "cmn-latn-pinyin"))


@pytest.mark.parametrize(("written", "parts"), LATIN.items())
async def test_latin_letters_in_mandarin(written: str, parts: tuple[str, str]) -> None:
    letters, pinyin = parts
    names = await heard(written)
    latin = plain(letters)
    assert latin in names
    rest = plain(await phonemes(pinyin, "cmn-latn-pinyin"))
    assert names.replace(latin, "", 1) == rest


async def test_there_are_sixty() -> None:
    assert len(PHRASES) + len(LATIN) >= 60


async def test_raw_digits_are_indeed_misread() -> None:
    # The reason for normalisation: were it gone, these tests would say so.
    raw = plain(await phonemes("1201室", "cmn"))
    assert raw != plain(await phonemes("yi1 er4 ling2 yi1 shi4", "cmn-latn-pinyin"))


@pytest.mark.parametrize(
    ("written", "jyutping"),
    [
        ("1246室", "jat1 ji6 sei3 luk6 sat1"),
        ("3月28日", "saam1 jyut6 ji6 sap6 baat3 jat6"),
        ("3號樓", "saam1 hou6 lau4"),
    ],
)
async def test_cantonese(written: str, jyutping: str) -> None:
    got = plain(await phonemes(normalize(written, "yue"), "yue"))
    want = plain(await phonemes(jyutping, "yue-latn-jyutping"))
    assert got == want


async def test_english_room_number() -> None:
    got = plain(await phonemes(normalize("Room 1201", "en"), "en"))
    assert got == plain(await phonemes("room one two zero one", "en"))
