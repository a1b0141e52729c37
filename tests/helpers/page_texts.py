"""Names and texts of made-up candidates: plain ones, and such as break a careless page."""

HOSTILE = (
    "<script>alert(1)</script>",
    "</textarea></pre></script><img src=x onerror=alert(1)>",
    "left \u202egnorw\u202c right \u2067isolated",
    "\x1b[31mred\x1b[0m \x00 \x07 bell",
    "{{ 7 * 7 }} {% raw %} ${8*8} &lt;b&gt; &amp;",
    "]]><!-- --><svg onload=alert(1)>",
)
"""Texts that a page has to show as they are, control characters apart."""
HOSTILE_NAMES = (
    '"><img src=x onerror=alert(1)>',
    "a-name-that-goes-on-" * 8 + "to-its-end",
    "\u202eevil\x1b[31m",
    "{{ 7 * 7 }}",
    "名字好長好長好長好長好長好長好長好長好長好長嘅模型",
    "</script><script>alert(2)</script>",
)
"""Names of candidates that a page has to show as they are, shortened where it must."""
LONG_NAMES = tuple(f"a-candidate-continued-on-the-web-run-00{at}" for at in range(6))
"""Of forty characters, that differ in the last one."""
LONG_LINE = "長" * 400_000
"""More than a megabyte of UTF-8 on one line."""

CANTONESE = (
    "我哋尋日去咗旺角行街，買咗好多嘢。",
    "佢話唔使擔心，聽日就會好返㗎喇。",
    "你食咗飯未呀？不如一齊去飲茶啦。",
    "呢度嘅人好鍾意睇波，成日喺街市傾偈。",
    "阿媽煲咗湯，叫我哋早啲返屋企。",
)
WRITTEN = (
    "我們昨天去了市場，買了很多東西。",
    "他說不用擔心，明天就會好起來的。",
    "這裡的人很喜歡看球賽，常常在街上聊天。",
    "政府表示將會繼續推動經濟發展，改善市民的生活。",
)
MIXED = (
    "我哋是很喜歡這個地方的，因為佢哋都在這裡。",
    "佢們都沒有說話，我哋唔知道為什麼。",
)
NEUTRAL = ("香港一九九七年七月一日。", "今日天氣好，有陽光。")
OTHER = (
    "The government of Hong Kong said that it would go on with the plan.",
    "He went to the market and bought a lot of things for his family.",
)
SIMPLIFIED = "我们这里的经济发展很快，大家都觉得很开心。"
LOOP = "香港係一個好地方，" * 20
