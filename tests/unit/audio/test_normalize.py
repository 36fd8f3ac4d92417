"""What the voice is given to read, as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patrolctl.audio.normalize import normalize
from patrolctl.audio.normalize.numerals import cardinal, digits, number

MANDARIN = {
    "1201室": "壹二零壹室",
    "１２０１室": "壹二零壹室",
    "1201A室": "壹二零壹 eigh 室",
    "101、102和1103室": "壹零壹、壹零二和壹壹零三室",
    "12-1201室": "十二杠壹二零壹室",
    "3-2-1201": "三杠二杠壹二零壹",
    "3号楼2单元1201": "三号楼二单元壹二零壹",
    "3月28日": "三月二十八日",
    "2024年3月28日上午9:05": "二零二四年三月二十八日上午九点零五分",
    "2024-03-28": "二零二四年三月二十八日",
    "3月28日-4月2日": "三月二十八日到四月二日",
    "14:30-16:00": "十四点三十分到十六点整",
    "8:00": "八点整",
    "2点": "两点",
    "11点5分": "十壹点零五分",
    "24小时": "二十四小时",
    "拨打电话13800138000": "拨打电话幺三八，零零幺三，八零零零",
    "0516-83712345": "零五幺六，八三七幺，二三四五",
    "请拨打120": "请拨打幺二零",
    "12345热线": "幺二三四五热线",
    "120米": "一百二十米",
    "A座": "eigh 座",
    "AB座": "eigh B 座",
    "B1层": "B 壹层",
    "N95口罩": "N 九五口罩",
    "PCR检测": "P C R 检测",
    "1.5米": "一点五米",
    "2m": "两米",
    "3km": "三公里",
    "25℃": "二十五摄氏度",
    "-3℃": "零下三摄氏度",
    "95%": "百分之九十五",
    "3-5天": "三到五天",
    "1~3号楼": "壹到三号楼",
    "1,234人": "一千二百三十四人",
    "2户": "两户",
    "2楼": "二楼",
    "2年级": "二年级",
    "一号楼": "壹号楼",
    "一九四九年": "壹九四九年",
    "1个": "一个",
    "1/2": "二分之一",
}

ENGLISH = {
    "Room 1201": "Room one two zero one",
    "rooms 1201, 1202 and 1303": (
        "rooms one two zero one, one two zero two and one three zero three"
    ),
    "Flat 1201A": "Flat one two zero one eigh",
    "Block A": "Block eigh",
    "8:05 am": "8 oh 5 eigh M",
    "from 14:30-16:00": "from 2 30 P M to 4 P M",
    "10:00 to 12:30": "10 o'clock to 12 30",
    "2024-03-28": "the 28th of March 2024",
    "March 28": "28th of March",
    "call 13800138000": (
        "call one three eight, zero zero one three, eight zero zero zero"
    ),
    "5m": "5 metres",
    "1 m": "1 metre",
    "25°C": "25 degrees Celsius",
    "3-5 days": "3 to 5 days",
    "1,234 people": "1,234 people",
    "May I ask": "May I ask",
    "VIP": "V I P",
}


@pytest.mark.parametrize(("written", "spoken"), MANDARIN.items())
def test_mandarin(written: str, spoken: str) -> None:
    assert normalize(written, "zh") == spoken


@pytest.mark.parametrize(("written", "spoken"), ENGLISH.items())
def test_english(written: str, spoken: str) -> None:
    assert normalize(written, "en") == spoken


def test_cantonese_has_no_telephone_one() -> None:
    assert normalize("請致電21101234", "yue") == "請致電二壹壹零，壹二三四"


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, "零"),
        (2, "二"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (101, "一百零壹"),
        (110, "一百壹十"),
        (1001, "一千零壹"),
        (1010, "一千零壹十"),
        (2200, "两千二百"),
        (10_050, "一万零五十"),
        (20_000, "两万"),
        (120_000, "十二万"),
        (100_000_000, "一亿"),
        (100_010_001, "一亿零一万零壹"),
    ],
)
def test_cardinals(n: int, words: str) -> None:
    assert cardinal(n) == words


def test_cardinal_refuses_what_it_cannot_say() -> None:
    with pytest.raises(ValueError, match="not within"):
        cardinal(10**12)


def test_long_and_zero_led_numbers_are_read_digit_by_digit() -> None:
    assert number("007") == "零零七"
    assert number("123456789") == digits("123456789")


@given(st.text(max_size=80), st.sampled_from(["zh", "yue", "en", "de"]))
def test_any_text_is_normalised_without_fault(text: str, lang: str) -> None:
    assert isinstance(normalize(text, lang), str)


@given(st.text(alphabet="0123456789年月日号楼室:.-/%米个 ", max_size=40))
def test_no_digit_reaches_the_mandarin_voice(text: str) -> None:
    assert not any(c.isdecimal() for c in normalize(text, "zh"))


def test_a_time_before_a_place_is_no_range_of_days() -> None:
    assert normalize("居民9:30到1号门", "zh") == "居民九点三十分到壹号门"
    assert normalize("9:30至12号楼", "zh") == "九点三十分到十二号楼"
