"""Which variety a text is written in, and whether it turns in circles."""

import tomllib

import pytest
from hypothesis import given, strategies as st

from basegate.checks.continuation import read_variety, summarise
from basegate.checks.language_variety import (
    LOOP_BYTES,
    LOOP_COMPRESSION,
    LOOP_SHARE,
    clause_words,
    compression_ratio,
    han_characters,
    is_looping,
    label,
    labels,
    latin_words,
    repeated_share,
    sentences,
    simplified_characters,
)
from basegate.measurement import Sample
from tests.helpers.paths import ROOT

LIMITS = tomllib.loads((ROOT / "thresholds.toml").read_text(encoding="utf-8"))["continuation"]

# English words as Hong Kong people drop them into Cantonese: office, school, shops, chat.
NATURAL = """
我今日要返office開meeting。
你send個email畀我啦。
呢間cafe嘅latte好正。
佢個project deadline係下個Monday。
我check下個calendar先。
個client琴日send咗email嚟confirm個deadline。
老細叫我今晚OT，我唔去happy hour喇。
我聽日work from home，有咩WhatsApp我啦。
個printer又jam紙，你幫我call IT啦。
呢份proposal仲係draft，你唔好forward畀人住。
我哋team下個月有兩個人放maternity leave。
HR話個offer letter聽日先出到。
份report我check咗兩次都搵唔到個typo。
你個presentation有冇backup㗎？
個boss成日micromanage，我真係頂唔順。
佢啱啱升咗做project manager，壓力好大。
個server down咗成個朝早，咩都做唔到。
我個code跑唔到，唔知係咪個library太舊。
你有冇commit到你啲change上GitHub？
今個sem我有五科，仲要做FYP。
聽日有quiz，我仲未溫書添。
你個group project搵齊人未？
個tutor話assignment可以遲一日交。
我哋約咗喺library門口等。
佢讀PolyU，我讀HKU，所以好少見面。
我唔記得帶student card，入唔到lab。
呢個prof派grade好chur。
我想買部iPhone，不過而家冇discount。
呢件外套有冇M碼？我想試吓個size。
K11嗰間舖頭做緊sale，全場五折。
可唔可以用PayMe或者Octopus畀錢㗎？
我上網order咗對sneakers，要等兩個禮拜。
呢隻lipstick個色好sweet，我都想入手。
今晚食buffet定係食pizza呀？
搭MTR去Central先，再轉minibus上去。
佢個IG story影到間酒店好chill。
你有冇睇Netflix套新劇？個ending好伏。
我個friend下個禮拜結婚，請我做bridesmaid。
佢成日都late，次次都話塞車。
Sorry呀，我頭先開緊會聽唔到電話。
你今晚得唔得閒？一齊去gym跑步囉。
我keep住有做運動，但係都減唔到磅。
佢個人好nice，又好helpful，大家都鍾意佢。
By the way，你幾時還返本書畀我？
呢排好stress，想去trip抖吓。
佢話個plan有啲risky，叫我哋諗清楚先。
我部電腦hang咗，要restart先得。
畀個address我，我叫Uber過嚟接你。
老實講，份工work life balance真係好差。
你book咗table未呀？聽日係long weekend，好多人㗎。
""".strip().splitlines()

# English clauses beside or inside Chinese, and English with a few words of Chinese.
UNNATURAL = """
我熱愛香港。 nobody is perfect, so let's love everyone!
我哋今日will go to the beach together，好開心。
我覺得呢個計劃is very good for the people of Hong Kong。
The 特首 of Hong Kong is 李家超 and he is a good leader.
I think 香港 is a very beautiful place, 我好鍾意。
老師話you must finish your homework before you can play。
香港嘅天氣好熱。 It is very hot in summer and people like to swim.
我係香港人。I was born in Hong Kong and I love my city very much.
佢細個嗰陣 lived in a small village near the sea with his parents.
多謝大家支持！Thank you for your support and have a nice day!
We will continue to work hard for 香港市民 in the coming year.
我熱愛 music, sports and reading books in my free time.
Today I 同朋友 went to 旺角 and we bought some 衫.
政府會 provide more housing for young people 同長者。
香港 (Hong Kong) is a special administrative region of China.
Please note that 呢個網站 uses cookies to improve your experience.
我想同你講 that I have always loved you since we first met.
He said that 佢唔會嚟 because he had to work late.
My name is 陳大文. I am 20 years old. 我住喺沙田。
Once upon a time, 有一個小朋友 who lived in the forest.
""".strip().splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我係香港人。你呢？好！", ["我係香港人。", "你呢？", "好！"]),
        ("第一行\n第二行", ["第一行", "第二行"]),
        ("佢話：「我走先。」然後走咗。", ["佢話：「我走先。」", "然後走咗。"]),
        ("佢話：「阿媽講：『返嚟。』」好。", ["佢話：「阿媽講：『返嚟。』」", "好。"]),
        ("Pi is 3.14. Yes.", ["Pi is 3.14.", "Yes."]),
        ("等等……係咩？！", ["等等…", "係咩？"]),
        ("123。……\n\n", []),
        ("冇句號", ["冇句號"]),
        ("", []),
    ],
    ids=[
        "marks",
        "lines",
        "quotation",
        "quotation in a quotation",
        "decimal",
        "doubled marks",
        "no letter",
        "open",
        "empty",
    ],
)
def test_sentences_by_hand(text, expected):
    assert sentences(text) == expected


@given(st.text("我係a。！\n. 」1", max_size=40))
def test_sentences_keep_every_letter_in_order(text):
    kept = [char for char in "".join(sentences(text)) if char.isalpha()]
    assert kept == [char for char in text if char.isalpha()]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("我哋嘅屋企喺香港", "cantonese"),
        ("我們的家在香港", "written_chinese"),
        ("佢係我嘅朋友，但是他們的家不在這裏", "mixed"),
        ("香港", "neutral"),
        ("Hello there", "foreign"),
        ("こんにちは", "foreign"),
        ("123!?", "foreign"),
        ("我今日要返office開meeting", "cantonese"),
        ("你send個email畀我啦", "cantonese"),
        ("呢間cafe嘅latte好正", "cantonese"),
        ("佢個project deadline係下個Monday", "cantonese"),
        ("我check下個calendar先", "cantonese"),
        ("我哋聽日will go to the beach", "english_mixed"),
    ],
)
def test_the_variety_of_a_sentence(sentence, expected):
    assert label(sentence) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "我check下個月行程",
        "meeting下午三時開始",
        "收到email緊急處理",
        "他重返NBA打球",
        "我有三個app",
        "買 3 個 iPad",
        "我們用iPhone下載程式",
        "Windows下個版本很好用",
    ],
)
def test_written_chinese_with_english_words_is_not_called_cantonese(sentence):
    assert label(sentence) in {"written_chinese", "neutral"}


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        # Four words to eight characters are a third, to nine they are less.
        ("佢話 this is my home 我哋聽完都笑", "english_mixed"),
        ("佢話 this is my home 我哋聽完都笑咗", "cantonese"),
    ],
)
def test_a_sentence_is_english_mixed_from_a_third_on(sentence, expected):
    assert label(sentence) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't know", ["I", "don't", "know"]),
        ("well-being at the café", ["well-being", "at", "the", "café"]),
        ("我好 like 你", ["like"]),
        ("我好like你", ["like"]),
        ("iPhone好貴", ["iPhone"]),
        ("買咗個iPad同MacBook返嚟", ["iPad", "MacBook"]),
        ("Привет αβγ 香港 123", []),
        ("", []),
    ],
)
def test_latin_words_by_hand(text, expected):
    assert latin_words(text) == expected


@given(st.lists(st.sampled_from(["like", "OK", "café", "send"]), max_size=5), st.booleans())
def test_white_space_around_latin_words_does_not_change_their_number(words, spaced):
    gap = " " if spaced else ""
    text = "".join(f"我{gap}{word}{gap}你" for word in words)
    assert latin_words(text) == words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("send個email畀我", 0),
        ("我今日work from home", 0),
        ("佢話 nobody is really perfect 㗎", 4),
        ("佢話 nobody is perfect, so 算喇", 4),
        ("Facebook、Instagram、WhatsApp、Signal我都有", 0),
        ("iPhone 15 Pro Max 好貴", 0),
        # Without Chinese characters every word counts.
        ("好呀。OK.\nSee you", 3),
        ("Hello", 1),
        ("我係香港人", 0),
        ("", 0),
    ],
    ids=[
        "words one by one",
        "three in a row",
        "four in a row",
        "comma",
        "Chinese commas",
        "number",
        "no Chinese",
        "one word",
        "no English",
        "empty",
    ],
)
def test_the_words_of_english_clauses_by_hand(text, expected):
    assert len(clause_words(text)) == expected


@given(st.text("我係a b,.。\n1", max_size=40))
def test_the_words_of_clauses_are_words_of_the_text_in_order(text):
    words = iter(latin_words(text))
    assert all(word in words for word in clause_words(text))


def gate(*texts):
    """Return the shares that the gate holds against its limits."""
    samples = [
        Sample(item="i", prompt="p", text=text, seed=0, notes=read_variety(text)) for text in texts
    ]
    return {metric.name: metric.value for metric in summarise(samples).metrics}


def test_natural_code_mixing_passes_the_gate():
    assert len(NATURAL) >= 40
    shares = gate(*NATURAL)
    assert shares["latin_share"] <= LIMITS["max_latin_share"]
    assert shares["cantonese_share"] >= LIMITS["min_cantonese_share"]
    assert shares["looping_share"] == 0


@pytest.mark.parametrize("text", NATURAL)
def test_a_natural_sentence_is_cantonese_or_shows_nothing(text):
    assert gate(text)["latin_share"] <= LIMITS["max_latin_share"]
    assert {label(each) for each in sentences(text)} <= {"cantonese", "neutral"}


def test_natural_code_mixing_would_fail_if_every_word_counted():
    text = "".join(NATURAL)
    words, characters = len(latin_words(text)), len(han_characters(text))
    assert words / (words + characters) > LIMITS["max_latin_share"]


def test_english_clauses_are_a_set_of_their_own():
    assert len(UNNATURAL) >= 15
    assert not set(NATURAL) & set(UNNATURAL)


@pytest.mark.parametrize("text", UNNATURAL)
def test_english_clauses_do_not_pass_the_gate(text):
    assert gate(text)["latin_share"] > LIMITS["max_latin_share"]
    assert {label(each) for each in sentences(text)} & {"english_mixed", "foreign"}


def test_chinese_characters_are_counted_beyond_the_basic_plane():
    assert han_characters("A香，港。𨋢x㗎1") == ["香", "港", "𨋢", "㗎"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("国家学习", ["国", "学", "习"]),
        ("我们说汉语", ["们", "说", "汉", "语"]),
        ("國家學習", []),
        ("我哋嘅屋企喺香港，唔係咩？嚟啦喂，啲嘢好掂㗎", []),
        ("乜嘢冇攞搵瞓慳掹揼噉冚唓", []),
        ("台灣、床、群、晒、着數、揾工", []),
        ("滙豐銀行、綫路、衞生、説話", []),
        ("Hello 123", []),
    ],
    ids=[
        "Simplified",
        "Simplified words",
        "Traditional",
        "Cantonese",
        "Cantonese words",
        "Hong Kong forms",
        "Hong Kong names",
        "no Chinese",
    ],
)
def test_simplified_characters_by_hand(text, expected):
    assert simplified_characters(text) == expected


@pytest.mark.parametrize("word", ["試吓", "等一吓", "恒生指數", "叱咤樂壇", "糯米糍", "佢响邊度"])
def test_words_as_hong_kong_writes_them_are_not_simplified(word):
    assert simplified_characters(word) == []


@pytest.mark.parametrize("char", "台揾吓晒床群唇游")
def test_a_form_usual_in_hong_kong_is_not_simplified(char):
    assert simplified_characters(char) == []


@pytest.mark.parametrize("char", "爲衆糉竈鉢")
def test_a_traditional_variant_is_not_simplified(char):
    assert simplified_characters(char) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # abcd bcda cdab dabc abcd: four of five are new.
        ("abcdabcd", 1 - 4 / 5),
        ("abcdefgh", 0.0),
        # Six times the same 4-gram: one of six is new.
        ("aaaaaaaaa", 1 - 1 / 6),
        ("ab cd\nab cd", 1 - 4 / 5),
        ("abc", 0.0),
        ("", 0.0),
    ],
    ids=["period of four", "no repetition", "one letter", "white space", "too short", "empty"],
)
def test_the_repeated_share_by_hand(text, expected):
    assert repeated_share(text) == pytest.approx(expected)


@given(st.text(max_size=60))
def test_the_repeated_share_is_a_share(text):
    assert 0 <= repeated_share(text) < 1


def test_a_text_loops_from_half_repeated_grams_on():
    # abcd over and over has four distinct 4-grams; of eight grams (11 characters) half repeat.
    assert is_looping(("abcd" * 3)[:11])
    assert not is_looping(("abcd" * 3)[:10])


ENUMERATIONS = {
    "counter": "".join(f"第{number}個。" for number in range(1, 31)),
    "numbered lines": "\n".join(f"{number}. 唔知。" for number in range(1, 60)),
    "letters": "\n".join(
        f"{number}. 選項{chr(64 + number)}：以上皆非。" for number in range(1, 27)
    ),
    "one word changes": "".join(
        f"我鍾意{each}，" for each in "狗貓魚鳥牛羊馬豬雞鴨鵝兔龜蛇鼠虎" * 2
    ),
}


@pytest.mark.parametrize("text", ENUMERATIONS.values(), ids=ENUMERATIONS)
def test_compression_finds_loops_with_small_changes(text):
    assert compression_ratio(text) >= LOOP_COMPRESSION
    assert is_looping(text)


@pytest.mark.parametrize("name", ["counter", "numbered lines", "letters"])
def test_four_grams_miss_a_counter(name):
    assert repeated_share(ENUMERATIONS[name]) < LOOP_SHARE


@pytest.mark.parametrize(
    "text",
    [
        "我係香港人，我好鍾意香港。" * 8,
        "我係香港人，" * 10,
        "蘋果、橙、香蕉、西瓜、提子、" * 6,
        "I love Hong Kong and its people. " * 6,
    ],
    ids=["sentence", "phrase", "list", "English"],
)
def test_plain_loops_show_both_signs(text):
    assert repeated_share(text) >= LOOP_SHARE
    assert compression_ratio(text) >= LOOP_COMPRESSION


@pytest.mark.parametrize(
    "text",
    [
        "星期一、星期二、星期三、星期四、星期五、星期六、星期日。",
        "第一個。第二個。第三個。第四個。第五個。第六個。第七個。第八個。",
        "1. 好\n2. 好\n3. 好\n4. 好\n5. 好\n6. 好\n7. 好\n8. 好",
    ],
)
def test_a_short_enumeration_is_no_loop(text):
    assert len(text.encode()) < LOOP_BYTES
    assert not is_looping(text)


def test_compression_says_nothing_below_its_least_length():
    text = "".join(f"{letter}：唔知，" for letter in "ABCDEFGHIJKLMNOP")
    short = text[:55]
    assert len(short.encode()) < LOOP_BYTES <= len(text.encode())
    assert compression_ratio(short) >= LOOP_COMPRESSION
    assert not is_looping(short)
    assert is_looping(text)


@given(st.text(max_size=60))
def test_the_compression_ratio_takes_any_text(text):
    assert 0 <= compression_ratio(text) <= len(text.encode())


def test_the_compression_ratio_leaves_white_space_out_and_takes_half_a_pair():
    assert compression_ratio("好 呀\n") == compression_ratio("好呀")
    assert compression_ratio("") == 0
    assert compression_ratio("\ud83d") > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("佢哋喺度食飯。" * 3, ["cantonese", "neutral", "neutral"]),
        ("佢去咗邊？我唔知。我唔知呀。", ["cantonese"] * 3),
        ("我哋喺屋企食飯，佢哋喺屋企食飯，我哋喺屋企食飯，佢哋喺屋企食飯。", ["neutral"]),
        ("啊啊啦喇囉囉。我哋嚟喇！", ["neutral", "cantonese"]),
        ("我哋嚟喇！\nyes\nyes", ["cantonese", "foreign", "foreign"]),
    ],
)
def test_what_loops_and_particles_alone_tell_nothing(text, expected):
    assert labels(text) == expected
