"""Names and job titles by language: what stands in real address books, accents and scripts included."""

# ruff: noqa: RUF001, E501 - other alphabets are the point, and one name list is easiest to read as one line
from __future__ import annotations

from dataclasses import dataclass

Name = tuple[str, str]  # as written, as spelt in an e-mail address


def _plain(names: str) -> tuple[Name, ...]:
    return tuple((name, name.lower().replace(" ", "").replace("'", "")) for name in names.split(","))


def _pairs(names: str) -> tuple[Name, ...]:
    pairs = (entry.split("=") for entry in names.split(","))
    return tuple((written, spelt) for written, spelt in pairs)


@dataclass(frozen=True, slots=True)
class Tongue:
    """How people of one language are called and titled."""

    code: str
    first: tuple[Name, ...]
    last: tuple[Name, ...]
    chief: tuple[str, ...]
    vp: tuple[str, ...]
    director: tuple[str, ...]
    manager: tuple[str, ...]
    staff: tuple[str, ...]
    junior: tuple[str, ...]
    family_first: bool = False


def _titles(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


ENGLISH = Tongue(
    "en",
    _plain(
        "James,Mary,Robert,Patricia,John,Jennifer,Michael,Linda,David,Elizabeth,William,Barbara,Richard,Susan,Joseph,Jessica,Thomas,"
        "Sarah,Christopher,Karen,Daniel,Emily,Matthew,Amanda,Anthony,Melissa,Mark,Deborah,Steven,Laura,Andrew,Rachel,Olivia,Ethan,Grace"
    ),
    _plain(
        "Smith,Johnson,Williams,Brown,Jones,Miller,Davis,Wilson,Anderson,Taylor,Moore,Jackson,Martin,Lee,Thompson,White,Harris,Clark,"
        "Lewis,Robinson,Walker,Young,Allen,King,Wright,Scott,Hill,Green,Adams,Baker,Nelson,Carter,Mitchell,O'Brien,Mc Kay,Turner,Parker"
    ),
    _titles("CEO|Chief Financial Officer|CTO|Chief Marketing Officer|Chief Revenue Officer|Founder & CEO"),
    _titles("VP Sales|VP of Marketing|Vice President, Operations|SVP Engineering|EVP & General Manager"),
    _titles(
        "Director of IT|Director, Demand Generation|Head of Procurement|Sales Director|Head of RevOps|Director Finance"
    ),
    _titles(
        "Marketing Manager|Sales Operations Manager|Lead Architect|IT Manager|Team Lead, Data|Senior Product Manager"
    ),
    _titles(
        "Business Analyst|Software Engineer|Account Executive|Marketing Specialist|Consultant|sr. buyer|System Administrator"
    ),
    _titles("Intern|Student|Working Student|Marketing Assistant|Trainee|Junior Developer"),
)
GERMAN = Tongue(
    "de",
    _pairs(
        "Jürgen=juergen,Anja=anja,Björn=bjoern,Käthe=kaethe,Stefan=stefan,Ute=ute,Jörg=joerg,Sabine=sabine,Matthias=matthias,Heike=heike,Lukas=lukas,Zoë=zoe,Günter=guenter,Silke=silke"
    ),
    _pairs(
        "Müller=mueller,Schröder=schroeder,Weiß=weiss,Köhler=koehler,Schmidt=schmidt,Fischer=fischer,Böhm=boehm,von der Heide=vonderheide,Groß=gross,Becker=becker,Jäger=jaeger,Vogt=vogt"
    ),
    _titles("Geschäftsführer|Geschäftsführerin|Vorstand|CEO|CFO"),
    _titles("VP Vertrieb|Bereichsleiter Einkauf|Vice President Sales DACH"),
    _titles("Vertriebsleiter|Leiter IT|Leiterin Marketing|Head of Einkauf|Director Digitalisierung"),
    _titles("Produktmanager|Teamleiterin Vertrieb|IT-Manager|Referentin Marketing Manager"),
    _titles("Sachbearbeiter Einkauf|Softwareentwickler|Vertriebsmitarbeiterin|Berater"),
    _titles("Praktikant|Werkstudentin|Auszubildender"),
)
FRENCH = Tongue(
    "fr",
    _pairs(
        "François=francois,Élodie=elodie,Benoît=benoit,Chloé=chloe,Jérôme=jerome,Aurélie=aurelie,Noël=noel,Camille=camille,Théo=theo,Anaïs=anais"
    ),
    _pairs(
        "Lefèvre=lefevre,Dubois=dubois,Moreau=moreau,Girard=girard,Côté=cote,Bélanger=belanger,Dupré=dupre,d'Ornano=dornano,Mercier=mercier,Garçon=garcon"
    ),
    _titles("Directeur général|PDG|Directrice financière|CEO"),
    _titles("VP Ventes|Vice-présidente marketing"),
    _titles("Directeur commercial|Directrice des achats|Head of Growth"),
    _titles("Responsable marketing|Chef de projet|Product Manager"),
    _titles("Ingénieur logiciel|Acheteuse|Chargé d'études"),
    _titles("Stagiaire|Alternant"),
)
SPANISH = Tongue(
    "es",
    _pairs(
        "José=jose,María=maria,Íñigo=inigo,Sofía=sofia,Andrés=andres,Lucía=lucia,Joaquín=joaquin,Begoña=begona,Raúl=raul,Inés=ines"
    ),
    _pairs(
        "García=garcia,Muñoz=munoz,Rodríguez=rodriguez,Peña=pena,Núñez=nunez,Ibáñez=ibanez,Castro=castro,López y Vega=lopezyvega,Ortega=ortega,Ruiz=ruiz"
    ),
    _titles("Director General|Consejera Delegada|CEO|Gerente general"),
    _titles("VP de Ventas|Vicepresidenta comercial"),
    _titles("Director de Sistemas|Directora de Marketing|Jefe de Compras"),
    _titles("Responsable de Producto|Gerente de Marketing"),
    _titles("Analista|Ingeniera de software|Comprador"),
    _titles("Becario|Estudiante"),
)
NORDIC = Tongue(
    "sv",
    _pairs(
        "Åsa=asa,Søren=soren,Björn=bjorn,Ingrid=ingrid,Øyvind=oyvind,Päivi=paivi,Lars=lars,Þóra=thora,Mikael=mikael,Annika=annika"
    ),
    _pairs(
        "Lindström=lindstrom,Bjørnsen=bjornsen,Åkesson=akesson,Virtanen=virtanen,Jónsdóttir=jonsdottir,Hansen=hansen,Sjögren=sjogren,Mäkinen=makinen,Østby=ostby"
    ),
    _titles("VD|CEO|Administrerende direktør|Toimitusjohtaja"),
    _titles("VP Sales Nordics|VP Product"),
    _titles("Försäljningschef|IT-chef|Head of Digital"),
    _titles("Produktchef|Marketing Manager"),
    _titles("Utvecklare|Inköpare|Konsult"),
    _titles("Praktikant|Student"),
)
POLISH = Tongue(
    "pl",
    _pairs(
        "Łukasz=lukasz,Małgorzata=malgorzata,Zbigniew=zbigniew,Agnieszka=agnieszka,Jiří=jiri,Dvořka=dvorka,Žofie=zofie"
    ),
    _pairs(
        "Wójcik=wojcik,Kowalczyk=kowalczyk,Dąbrowski=dabrowski,Dvořák=dvorak,Szymańska=szymanska,Černý=cerny,Żak=zak"
    ),
    _titles("Prezes zarządu|CEO|Ředitel"),
    _titles("VP Sprzedaży|VP Operations CEE"),
    _titles("Dyrektor IT|Dyrektor handlowy|Head of Marketing"),
    _titles("Kierownik projektu|Marketing Manager"),
    _titles("Programista|Specjalista ds. zakupów"),
    _titles("Stażysta|Student"),
)
JAPANESE = Tongue(
    "ja",
    _pairs("太郎=taro,花子=hanako,健一=kenichi,美咲=misaki,翔=sho,陽子=yoko"),
    _pairs("田中=tanaka,鈴木=suzuki,佐藤=sato,高橋=takahashi,渡辺=watanabe,山本=yamamoto"),
    _titles("代表取締役社長|最高財務責任者"),
    _titles("執行役員|VP Sales Japan"),
    _titles("営業部長|情報システム部長"),
    _titles("課長|マーケティング・マネージャー"),
    _titles("担当|エンジニア"),
    _titles("インターン|学生"),
    family_first=True,
)
CHINESE = Tongue(
    "zh",
    _pairs("伟=wei,芳=fang,秀英=xiuying,强=qiang,丽=li,军=jun"),
    _pairs("王=wang,李=li,张=zhang,刘=liu,陈=chen,杨=yang"),
    _titles("总裁|首席执行官"),
    _titles("副总裁|VP Sales APAC"),
    _titles("采购总监|IT总监"),
    _titles("项目经理|市场经理"),
    _titles("工程师|采购员"),
    _titles("实习生|学生"),
    family_first=True,
)
CYRILLIC = Tongue(
    "uk",
    _pairs("Олена=olena,Андрій=andrii,Наталія=nataliia,Дмитро=dmytro,Иван=ivan,Юлія=yuliia"),
    _pairs("Шевченко=shevchenko,Коваленко=kovalenko,Бондаренко=bondarenko,Ткаченко=tkachenko,Петров=petrov"),
    _titles("Генеральний директор|CEO"),
    _titles("Віцепрезидент з продажів|VP Engineering"),
    _titles("Директор з ІТ|Комерційний директор"),
    _titles("Менеджер проєкту|Product Manager"),
    _titles("Аналітик|Розробник"),
    _titles("Стажер|Студентка"),
)
SEMITIC = Tongue(
    "ar",
    _pairs("محمد=mohammed,فاطمة=fatima,أحمد=ahmed,ליאור=lior,נועה=noa,خالد=khaled"),
    _pairs("العلي=alali,حسن=hassan,כהן=cohen,לוי=levi,الفارسي=alfarsi"),
    _titles("الرئيس التنفيذي|CEO|מנכ״ל"),
    _titles("نائب الرئيس للمبيعات|VP R&D"),
    _titles("مدير تقنية المعلومات|Head of IT"),
    _titles("مدير مشروع|Marketing Manager"),
    _titles("مهندس|Analyst"),
    _titles("متدرب|Student"),
)
INDIC = Tongue(
    "hi",
    _plain("Priya,Rahul,Ananya,Vikram,Sanjay,Deepa,Arjun,Kavya"),
    _plain("Sharma,Iyer,Patel,Singh,Reddy,Gupta,Nair,Chatterjee"),
    _titles("Managing Director|CEO|Chief Information Officer"),
    _titles("VP - Sales & Marketing|AVP IT"),
    _titles("Director - Procurement|Head - Digital Transformation"),
    _titles("Asst. Manager IT|Deputy Manager Marketing"),
    _titles("Executive - Purchase|Sr. Software Engg"),
    _titles("Graduate Trainee|Student"),
)
TONGUES: dict[str, Tongue] = {
    tongue.code: tongue
    for tongue in (
        ENGLISH, GERMAN, FRENCH, SPANISH, NORDIC, POLISH, JAPANESE, CHINESE, CYRILLIC, SEMITIC, INDIC,
    )
}  # fmt: skip
