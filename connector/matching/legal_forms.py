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
LEADING: frozenset[str] = frozenset({"pt", "ooo", "oao", "zao", "pao", "ao", "the"})
LONGEST = max(spelling.count(" ") + 1 for spelling in FORMS)
