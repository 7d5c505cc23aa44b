"""Words that say what kind of company it is, not which."""

from __future__ import annotations

#: word (or words) as ``names.words`` leaves them -> the form they stand for
FORMS: dict[str, str] = {
    spelling: form
    for form, spellings in {
        # United States, Britain, Ireland, the Commonwealth
        "inc": "inc|incorporated",
        "corp": "corp|corporation|corpn",
        "co": "co|company|cos|companies",
        "ltd": "ltd|limited|ltda|limitada|private limited|pvt ltd|pvt limited|pte ltd|pte limited|pte|pty ltd"
        "|pty limited|pty|co ltd|co limited|company limited|sdn bhd|bhd|berhad",
        "llc": "llc|limited liability company|l l c|lc",
        "llp": "llp|limited liability partnership",
        "lp": "lp|limited partnership",
        "plc": "plc|public limited company|pcl|public company limited|public co ltd",
        "pc": "pc|pllc|pa",
        # German
        "gmbh": "gmbh|gesellschaft mit beschrankter haftung|ggmbh|gesmbh|mbh",
        "ag": "ag|aktiengesellschaft",
        "kg": "kg|kommanditgesellschaft|gmbh and co kg|gmbh and co|ag and co kg|gmbh co kg|co kg|and co kg",
        "ohg": "ohg|gbr|ev|e v|eg",
        "kgaa": "kgaa|ag and co kgaa|se and co kgaa",
        # French, Italian, Spanish, Portuguese, Romanian
        "sa": "sa|s a|societe anonyme|sociedad anonima|sau|sociedade anonima|saa|sa de cv|s a de c v|sab de cv"
        "|s a b de c v",
        "sarl": "sarl|eurl|societe a responsabilite limitee|srl|s r l|sl|s l|slu|sociedad limitada|sprl|bvba|srls|lda",
        "sas": "sas|sasu|snc|sca|scs",
        "spa": "spa|s p a|societa per azioni|sapa",
        # Benelux, the North, the East
        "bv": "bv|b v|besloten vennootschap",
        "nv": "nv|n v|naamloze vennootschap",
        "ab": "ab|aktiebolag|ab publ|publ ab",
        "as": "as|a s|asa|aps|ivs|aksjeselskap|aktieselskab",
        "oy": "oy|oyj|ab oy",
        "se": "se|societas europaea",
        "spzoo": "sp z o o|sp z oo|spzoo|sp zoo",
        "sro": "sro|s r o|spol s r o",
        "kft": "kft|zrt|nyrt|bt",
        "doo": "doo|d o o|dd|d d|ad|ood|eood",
        "ooo": "ooo|oao|zao|pao|jsc|ojsc|pjsc|cjsc|joint stock company",
        "sti": "sti|ltd sti|anonim sirketi",
        # Asia
        "kk": "kk|k k|kabushiki kaisha|kabushikigaisha|gk|godo kaisha",
        "tbk": "tbk",
    }.items()
    for spelling in spellings.split("|")
}
#: forms written in front of the name
LEADING: frozenset[str] = frozenset({"pt", "ooo", "oao", "zao", "pao", "ao", "kk", "the"})
#: forms that also stand in the middle of a name (``Acme Co., Ohio Corp.``)
INSIDE: frozenset[str] = frozenset(
    {"inc", "incorporated", "corp", "corporation", "ltd", "limited", "llc", "gmbh", "co", "company", "plc"}
)
#: forms in other scripts, longest first
WRITTEN_OUT: dict[str, str] = {
    "\u80a1\u4efd\u6709\u9650\u516c\u53f8": " co ltd ",
    "\u6709\u9650\u8d23\u4efb\u516c\u53f8": " co ltd ",
    "\u6709\u9650\u516c\u53f8": " co ltd ",
    "\u682a\u5f0f\u4f1a\u793e": " kk ",
    "(\u682a)": " kk ",
    "\uc8fc\uc2dd\ud68c\uc0ac": " co ltd ",
    "(\uc8fc)": " co ltd ",
}
#: which forms are used for one another in loose writing: the group of each
GROUP: dict[str, str] = {
    form: group
    for group, forms in {
        "us": "inc corp co llc lp llp pc ltd plc",
        "de": "gmbh ag kg ohg kgaa se",
        "romance": "sa sarl sas spa",
        "low": "bv nv",
        "north": "ab as oy",
        "east": "spzoo sro kft doo ooo sti",
        "asia": "kk tbk",
    }.items()
    for form in forms.split()
}
LONGEST = max(spelling.count(" ") + 1 for spelling in FORMS)
