"""The words: translation, labels of every code, and the sentence for every refusal. Chinese is the source language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

__all__ = ["CODES", "LABELS", "REFUSALS", "_", "_l", "code_fault", "label", "ngettext", "sentence"]

LABELS: Mapping[str, Mapping[str, Any]] = {
    "posting": {
        "draft": _l("草稿"), "submitted": _l("待审核"), "returned": _l("退回补正"), "open": _l("待认领"), "closed": _l("已结束"),
        "withdrawn": _l("已撤回"), "expired": _l("已过期"),
    },
    "progress": {
        "draft": _l("草稿"), "submitted": _l("待审核"), "returned": _l("退回补正"), "open": _l("待认领"), "claimed": _l("已认领"),
        "preparing": _l("备货中"), "on_the_way": _l("送达中"), "to_sign": _l("待签收"), "to_confirm": _l("待确认"),
        "fulfilled": _l("已圆梦"), "closed": _l("已结束"), "withdrawn": _l("已撤回"), "expired": _l("已过期"),
    },
    "claim": {
        "waiting": _l("候补"), "active": _l("已认领"), "ready": _l("已备货"), "handed_over": _l("已交接"), "fulfilled": _l("已兑现"),
        "released": _l("已释放"), "lapsed": _l("已逾期"), "revoked": _l("已撤销"),
    },
    "delivery": {
        "planned": _l("待送"), "delivered": _l("已送达"), "failed": _l("没签成"), "signed": _l("待确认"), "confirmed": _l("已确认"),
        "reversed": _l("已冲正"),
    },
    "enterprise": {"pending": _l("待审核"), "approved": _l("已通过"), "suspended": _l("已暂停"), "refused": _l("未通过")},
    "contact_purpose": {"goods": _l("商量送货和交接"), "verify": _l("核对企业资料"), "thanks": _l("致谢或回访")},
    "household": {"filed": _l("在档"), "emergency": _l("紧急帮扶，待补手续"), "closed": _l("已退档")},
    "hardship": {"deep": _l("深度困难"), "relative": _l("相对困难"), "accident": _l("意外致困")},
    "cause": {
        "illness": _l("本人大病"), "family_illness": _l("供养直系亲属大病"), "school": _l("子女上学"), "disaster": _l("意外灾害"),
        "low_income": _l("收入低无法维持基本生活"), "no_job": _l("下岗失业"), "disability": _l("本人或家属残疾"), "other": _l("其他"),
    },
    "mode": {"station": _l("送到工会服务站"), "visit": _l("上门（工会陪同）"), "arranged": _l("服务类，提供方安排")},
    "band": {"free": _l("不涉及金额"), "b100": _l("100 元以内"), "b300": _l("100–300 元"), "b500": _l("300–500 元"), "more": _l("500 元以上")},
    "kind": {"wish": _l("微心愿"), "pack": _l("年货礼包")},
    "return_reason": {
        "reveals": _l("文字会让人认出这户家庭"), "price": _l("超过参考价值上限"), "not_allowed": _l("不属于可以发布的心愿"),
        "complaint": _l("收到群众反映，需要核实"), "unclear": _l("写得不够清楚"), "other": _l("其他"),
    },
    "miss": {
        "not_home": _l("不在家"), "moved": _l("搬走了"), "phone_dead": _l("电话打不通"), "refused": _l("本人不要"),
        "damaged": _l("物品有损坏"), "other": _l("其他"),
    },
    "relation": {
        "spouse": _l("配偶"), "parent": _l("父母"), "child": _l("子女"), "sibling": _l("兄弟姐妹"), "relative": _l("其他亲属"),
        "neighbour": _l("邻居"), "colleague": _l("同事"), "other": _l("其他"),
    },
    "place": {"home": _l("家里"), "station": _l("工会服务站"), "work": _l("工作单位"), "other": _l("其他地点")},
    "signer": {"self": _l("本人"), "proxy": _l("代收人")},
    "method": {"drawn": _l("手写签名"), "slip": _l("纸质签收单")},
    "role": {
        "clerk": _l("基层经办"), "reviewer": _l("区级审核"), "admin": _l("管理员"), "auditor": _l("审计"), "contact": _l("企业联系人"),
    },
    "level": {"city": _l("市总工会"), "district": _l("区县总工会"), "street": _l("镇街工会"), "industry": _l("产业工会"), "base": _l("基层工会")},
    "sex": {"f": _l("女"), "m": _l("男")},
    "channel": {"paper": _l("纸质签字"), "counter": _l("当面口头"), "phone": _l("电话")},
    "consent": {"publish_wish": _l("匿名发布心愿")},
    "revealed": {
        "id_no": _l("身份证号"), "phone": _l("电话"), "address": _l("住址"), "bank_card": _l("银行卡号"), "member": _l("家庭成员"),
        "name": _l("姓名"), "school": _l("学校"), "employer": _l("工作单位"),
    },
    "purpose": {"deliver": _l("联系送达"), "verify": _l("核对身份"), "form": _l("填写凭证或报表"), "help": _l("办理帮扶手续")},
    "check": {
        "privacy_id_no": _l("有证件号"), "privacy_phone": _l("有电话或联系账号"), "privacy_bank_card": _l("有银行卡号"),
        "privacy_name": _l("有姓名或称呼"), "privacy_name_part": _l("有像姓名的字"), "privacy_school": _l("有学校名称"),
        "privacy_address": _l("有住址或小区"), "privacy_employer": _l("有工作单位"), "privacy_health": _l("说到病情、残疾或治疗"),
        "privacy_family": _l("说到家庭境况"), "privacy_minor": _l("能认出孩子"), "privacy_child": _l("提到孩子"),
        "privacy_birth": _l("有出生日期"), "privacy_age": _l("有年龄"), "over_ceiling": _l("参考价值超过活动上限"),
        "visit_old": _l("一年内没有入户核实的记录"), "second_wish": _l("这户在本次活动里已有别的心愿"),
    },
    "step": {
        "posting.create": _l("写了草稿"), "posting.amend": _l("改了内容"), "posting.submit": _l("提交审核"), "posting.approve": _l("审核通过"),
        "posting.return": _l("退回补正"), "posting.withdraw": _l("撤回"), "posting.name": _l("选了家庭"), "posting.unname": _l("移出一户"),
        "posting.expire": _l("到期"),
        "delivery.deliver": _l("送达"), "delivery.fail": _l("没签成"), "delivery.sign": _l("签收"), "delivery.confirm": _l("确认"),
        "delivery.reverse": _l("冲正"),
        "posting.import": _l("从表格导入"),
        "claim.claim": _l("认领"), "claim.cover": _l("工会兜底"), "claim.wait": _l("排候补"), "claim.promote": _l("候补转为认领"), "claim.ready": _l("备好货"),
        "claim.hand_over": _l("交接验收"), "claim.refuse_goods": _l("交接时退回物品"), "claim.release": _l("释放认领"), "claim.lapse": _l("认领逾期"),
        "claim.dismiss": _l("候补结束"),
        "claim.revoke": _l("撤销认领"), "basket.put": _l("放入认领篮"), "basket.drop": _l("移出认领篮"),
        "household.open": _l("建档"), "household.amend": _l("改了档案"), "household.add_member": _l("加了家庭成员"),
        "household.remove_member": _l("移出家庭成员"), "household.consent": _l("记录同意"), "household.withdraw_consent": _l("撤回同意"),
        "household.reveal": _l("查看个人信息"),
        "account.sign_in": _l("登录"), "account.sign_out": _l("退出"), "account.change_password": _l("换密码"), "account.create": _l("开了账号"),
        "account.change": _l("改了账号和角色"), "account.deactivate": _l("停用账号"), "account.reactivate": _l("恢复账号"),
        "account.reset_password": _l("重设密码"), "account.end_sessions": _l("结束登录"),
        "unit.create": _l("增加单位"), "unit.change": _l("改了单位"), "unit.move": _l("移动单位"), "unit.retire": _l("停用单位"),
        "unit.reopen": _l("恢复单位"), "campaign.create": _l("增加活动"), "tally.recount": _l("重算汇总数"),
        "enterprise.register": _l("企业登记"), "enterprise.approve": _l("通过企业"), "enterprise.refuse": _l("未通过企业"),
        "enterprise.suspend": _l("暂停企业认领"), "enterprise.reinstate": _l("恢复企业认领"), "enterprise.quota": _l("改了认领上限"),
        "enterprise.profile": _l("改了企业资料"), "enterprise.reveal": _l("查看企业联系电话"),
        "campaign.change": _l("改了活动设置"), "campaign.make_current": _l("换了当前活动"),
        "publication.draft": _l("拟公示稿"), "publication.amend": _l("改公示稿"), "publication.submit": _l("提交发布"),
        "publication.publish": _l("发布公示"), "publication.discard": _l("作废公示稿"), "erratum.draft": _l("拟勘误"),
        "erratum.publish": _l("发布勘误"), "erratum.discard": _l("作废勘误"),
    },
    "thing": {
        "posting": _l("心愿和礼包"), "claim": _l("认领"), "delivery": _l("送达"), "household": _l("档案"), "enterprise": _l("企业"),
        "account": _l("账号"), "unit": _l("单位"), "campaign": _l("活动"), "publication": _l("公示"), "erratum": _l("勘误"), "basket": _l("认领篮"),
        "tally": _l("汇总数"),
    },
    "change": {
        "quantity": _l("份数"), "posting": _l("心愿编号"), "was": _l("原来"), "now": _l("现在"), "purpose": _l("用途"), "state": _l("状态"), "member": _l("成员编号"),
        "fields": _l("改的项"), "value_fen": _l("价值（分）"), "reason": _l("原因"), "publication": _l("公示编号"), "planned": _l("排了送达"), "parent": _l("上级"),
        "kind": _l("类型"), "field": _l("项目"), "year": _l("年"), "number": _l("期号"), "signer": _l("签收人"), "rows": _l("行数"), "roles": _l("角色"),
        "role": _l("角色"), "quota": _l("上限"), "photos": _l("照片"), "next_on": _l("改到"), "named": _l("选了户数"), "method": _l("方式"),
        "level": _l("层级"), "id_matches": _l("号码相符"), "ends_on": _l("结束"), "codes": _l("编号"), "checks": _l("自动检查"), "channel": _l("途径"),
        "anew": _l("新的送达"), "amended": _l("改过文字"), "account": _l("账号编号"), "consent": _l("同意署名"), "sha256": _l("校验码"), "next": _l("轮到的候补"),
    },
    "check_passed": {
        "privacy": _l("文字里没有会让人认出这户家庭的内容"), "over_ceiling": _l("价值在活动上限以内"), "visit_old": _l("一年内有入户核实的记录"),
        "second_wish": _l("这户在本次活动里没有别的心愿"),
    },
    "board_place": {
        "title": _l("标题"), "remark": _l("说明"), "erratum": _l("勘误文字"), "figures": _l("汇总数"), "category": _l("按类别的表"),
        "town": _l("按街道的表"), "category_difference": _l("按类别的表（与前几期相减）"), "town_difference": _l("按街道的表（与前几期相减）"),
        "wall": _l("爱心榜的名称"), "wall_consent": _l("爱心榜上有单位已不同意署名"), "campaign": _l("活动名称"), "columns": _l("表格的栏目"),
    },
    "figure": {
        "published": _l("发布"), "claimed": _l("认领"), "fulfilled": _l("圆梦"), "covered": _l("工会兜底"), "households": _l("受助家庭"),
        "value": _l("参考价值"), "claim": _l("认领率"), "fulfil": _l("圆梦率"), "keep": _l("兑现率"),
    },
    "publication": {"draft": _l("草稿"), "submitted": _l("待发布"), "published": _l("已发布"), "discarded": _l("已作废")},
}  # fmt: skip

REFUSALS: Mapping[str, Any] = {
    "stale_step": _l("这一步现在不能办：%(what)s的状态已经是“%(now)s”。页面已换成最新的，请看一眼再办。"),
    "already_claimed": _l("这个心愿刚被别家认领了。"),
    "pack_short": _l("只剩 %(left)s 份了，已改为 %(left)s 份，请再确认一次。"),
    "pack_gone": _l("这批礼包刚被认领完了。"),
    "not_open": _l("这个心愿现在不接受认领。"),
    "too_late": _l("已经过了最迟送达日，这个心愿不再接受认领。"),
    "campaign_over": _l("本次活动的认领已经截止。"),
    "own_employee": _l("这户家庭有人在贵单位工作。按《慈善法》第四十条，不能由有利害关系的单位认领，请把它留给别家。"),
    "not_approved": _l("贵单位的资料还在审核，通过后就可以认领。"),
    "suspended": _l("贵单位的认领已暂停。请联系 %(phone)s。"),
    "quota": _l("贵单位同时进行的认领最多 %(quota)s 份，现在已有 %(open)s 份。先送达一些，再来认领。"),
    "already_yours": _l("贵单位已经认领了它。"),
    "already_waiting": _l("贵单位已经在候补里。"),
    "basket_full": _l("认领篮里最多放 %(most)s 项。请先提交一些，或移出一些。"),
    "nothing_to_wait": _l("它现在就可以认领，不用候补。"),
    "same_person": _l("您在这件事里已经是%(part)s，这一步要由另一位同事来办。"),
    "not_filed": _l("这户还没有建档。先建档，再发心愿。"),
    "emergency_late": _l("这户的紧急帮扶手续已过期限，请先补齐建档手续。"),
    "no_consent": _l("请先记录本人对匿名发布心愿的同意。"),
    "frozen": _l("已经有单位认领，物品、规格、价值和交付方式不能再改。"),
    "live_claims": _l("已经有单位认领，请先撤销认领。"),
    "no_campaign": _l("现在没有进行的活动，不能导入。请管理员先设好当前活动。"),
    "past_day": _l("最迟送达日要在今天以后、活动结束以前。"),
    "text_blocked": _l("公开文字里有证件号、电话或姓名，删去以后才能提交。"),
    "food_expired": _l("%(name)s 到计划送达日就过了保质期，不能放进礼包。"),
    "too_many_recipients": _l("这批礼包共 %(quantity)s 份，名单里已有 %(named)s 户。"),
    "recipient_twice": _l("这户已经在名单里。"),
    "recipient_served": _l("这户的礼包已经在送，不能移出名单。"),
    "goods_incomplete": _l("请先核对物品齐全、完好。物品不对的话，请记“没签成”。"),
    "signature_empty": _l("请签收人亲笔签名。现在的签名板上没有字。"),
    "signature_dot": _l("签名太短，只有一个点。请签收人写下姓名。"),
    "slip_missing": _l("请拍一张纸质签收单，或在签名板上签名。"),
    "proxy_is_staff": _l("经办人不能代收，请家属签，或改天再送。"),
    "proxy_incomplete": _l("代收要写明代收人姓名、与本人的关系和原因。"),
    "witness_is_deliverer": _l("请写见证人的姓名。见证人不能是经办人自己。"),
    "witness_is_signer": _l("见证人不能是签收的人，请另找一位。"),
    "proxy_is_person": _l("代收人和签收人是同一个人。本人到场的话，请选“本人”。"),
    "already_signed": _l("这份已于 %(at)s 由%(who)s记录签收，不用再签。"),
    "id_differs": _l("后四位与档案不一致，请再核对一遍。确实如此的话，请勾选“号码不符，仍要记录”。"),
    "miss_day": _l("下次上门的日期要在今天或以后。"),
    "id_tail": _l("身份证后四位应为 4 位，最后一位可以是 X。"),
    "photo_type": _l("这张照片读不出来。请用 JPG、PNG 或 WebP 格式再拍一张。"),
    "photo_large": _l("照片太大了。请小于 %(mb)s MB，或把它拍小一些。"),
    "photo_many": _l("最多放 %(most)s 张照片。"),
    "in_flight": _l("物品已经交到工会，认领不能再取消。请联系工会服务站。"),
    "not_clean": _l("这份是代收、纸质签收或号码不符，请打开逐个确认。"),
    "draft_exists": _l("已有一期还没有发布，请先办完那一期。"),
    "board_private": _l("公示里还有个人信息，请先改好：%(where)s。"),
    "board_small": _l("公示表里有小于 5 的格子，会让人认出是谁。请合并后再发布。"),
    "board_shape": _l("公示表的栏目或合计对不上，请重新取数。"),
    "board_step": _l("这一期现在是“%(now)s”，这一步不能办。页面已换成最新的，请看一眼再办。"),
    "erratum_step": _l("这条勘误已经办过了。页面已换成最新的，请看一眼再办。"),
    "period_order": _l("开始日期不能晚于结束日期。"),
    "period_future": _l("结束日期最晚是今天。"),
    "board_stale": _l("这一期已不是草稿，不能再改。要改正请写勘误。"),
    "username_taken": _l("这个用户名已经有人用了，请换一个。"),
    "credit_taken": _l("这个统一社会信用代码已经登记过。请用原来的账号登录，或联系工会。"),
    "member_there": _l("档案里已经有这位家庭成员。"),
    "member_gone": _l("这位家庭成员已经不在档案里。"),
    "consent_gone": _l("现在没有可以撤回的同意。"),
    "id_taken": _l("这个身份证号已经有一份档案。请先查找，不要重复建档。"),
    "password_short": _l("密码至少 %(least)s 个字。"),
    "password_long": _l("密码最多 %(most)s 个字。"),
    "password_common": _l("这个密码太常见了，请换一个。"),
    "password_wrong": _l("现在的密码不对。"),
    "sign_in_wrong": _l("用户名或密码不对，请再试一次。"),
    "sign_in_wait": _l("试错的次数多了。请过 %(minutes)s 分钟再试，或联系管理员。"),
    "last_admin": _l("至少要留一位管理员。"),
    "unit_in_use": _l("这个单位下面还有单位或人员，不能停用。"),
    "unit_taken": _l("这个上级下面已经有同名的单位。"),
    "unit_loop": _l("不能把单位移到它自己的下级。"),
    "role_side": _l("工会人员和企业联系人的角色不能混用。"),
    "unit_closed": _l("这个单位已经停用。请换一个单位，或先恢复它。"),
    "unit_open": _l("这个单位正在使用，不用恢复。"),
    "parent_closed": _l("上级单位已经停用，请先恢复上级单位。"),
    "account_closed": _l("这个账号已经停用。"),
    "account_open": _l("这个账号正在使用，不用恢复。"),
    "username_form": _l("用户名用 2 到 40 个小写字母、数字、点、横线，以字母或数字开头。"),
    "password_same": _l("新密码和现在的一样，请换一个。"),
    "too_many": _l("从这里提交的次数多了。请过 %(minutes)s 分钟再试，或拨 12351。"),
    "credit_union": _l("81 开头的是工会的代码。工会请联系管理员开通账号，不用在这里登记。"),
    "campaign_taken": _l("已经有一个同名、同一天开始的活动。"),
    "campaign_days": _l("日期要按先后：开始、认领截止、活动结束。"),
    "campaign_clock": _l("备货天数不能多于送达天数，提醒天数要比备货天数少。"),
    "campaign_live": _l("还有心愿的最迟送达日在这一天以后，请先改那些心愿，或把活动结束日定得晚一些。"),
    "campaign_above": _l("现在进行的活动由别的工会管理，不能由您换掉。"),
    "campaign_current": _l("这个活动已经是当前活动。"),
}

CODES: Mapping[str, Any] = {
    "id_length": _l("身份证号应为 15 位或 18 位，现在是 %(length)s 位"),
    "id_digits": _l("身份证号第 %(position)s 位不是数字，请核对"),
    "id_region": _l("身份证号前两位不是省份代码，请核对"),
    "id_date": _l("身份证号里的出生日期不存在，请核对"),
    "id_future": _l("身份证号里的出生日期在今天以后，请核对"),
    "id_check": _l("身份证号最后一位对不上，可能有一位写错了，请核对"),
    "credit_length": _l("统一社会信用代码应为 18 位，现在是 %(length)s 位"),
    "credit_char": _l("统一社会信用代码第 %(position)s 位写错了：不用字母 I、O、S、V、Z"),
    "credit_check": _l("统一社会信用代码最后一位对不上，可能有一位写错了，请核对"),
    "licence_format": _l("食品生产许可证编号应为 SC 加 14 位数字"),
    "card_digits": _l("银行卡号只能有数字"),
    "card_length": _l("银行卡号应为 16 到 19 位，现在是 %(length)s 位"),
    "phone_length": _l("手机号应为 11 位，现在是 %(length)s 位"),
    "phone_area": _l("固定电话请加区号，例如 0592-1234567"),
    "phone_format": _l("请填手机号，或带区号的固定电话"),
}
"""The sentence for each reason of ``codes.CodeError``."""


def code_fault(reason: str, params: Mapping[str, Any]) -> str:
    """What is wrong with a typed code, in words; KeyError for a reason that has no sentence."""
    text = str(CODES[reason])
    return text % dict(params) if params else text


def label(group: str, code: str) -> str:
    """The word for a code; a code that has none is shown as it is, so that a gap is seen, not a crash."""
    return str(LABELS[group].get(code, code))


def sentence(code: str, params: Mapping[str, Any]) -> str:
    """The sentence for a refusal, with its parameters filled in; KeyError for a code that has no sentence."""
    values = dict(params)
    if code == "stale_step":
        values = {"what": _THINGS[values["thing"]], "now": label(values["thing"], values["state"])}
    if code == "same_person":
        values = {"part": _PARTS[values["part"]]}
    if code == "board_step":
        values = {"now": label("publication", values["now"])}
    if "where" in values:
        values = {"where": "、".join(label("board_place", place) for place in values["where"])}
    text = str(REFUSALS[code])
    return text % values if values else text


_THINGS = {"posting": _l("心愿"), "claim": _l("认领"), "delivery": _l("送达"), "enterprise": _l("企业")}
_PARTS = {
    "poster": _l("发布人"), "reviewer": _l("审核人"), "inspector": _l("交接人"), "deliverer": _l("送达人"), "confirmer": _l("确认人"),
    "drafter": _l("拟稿人"),
}  # fmt: skip
