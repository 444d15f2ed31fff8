def step_0(value):
    total = value + 0
    return total


def step_1(value):
    total = value + 1
    return total


def step_2(value):
    total = value + 2
    return total


def step_3(value):
    total = value + 3
    return total


def step_4(value):
    total = value + 4
    return total


def step_5(value):
    total = value + 5
    return total


def step_6(value):
    total = value + 6
    return total


def step_7(value):
    total = value + 7
    return total


def step_8(value):
    total = value + 8
    return total


def step_9(value):
    total = value + 9
    return total


def step_10(value):
    total = value + 10
    return total


def step_11(value):
    total = value + 11
    return total


def step_12(value):
    total = value + 12
    return total


def step_13(value):
    total = value + 13
    return total


def step_14(value):
    total = value + 14
    return total


def step_15(value):
    total = value + 15
    return total


def step_16(value):
    total = value + 16
    return total


def step_17(value):
    total = value + 17
    return total


def step_18(value):
    total = value + 18
    return total


def step_19(value):
    total = value + 19
    return total


def step_20(value):
    total = value + 20
    return total


def step_21(value):
    total = value + 21
    return total


def step_22(value):
    total = value + 22
    return total


def step_23(value):
    total = value + 23
    return total


def step_24(value):
    total = value + 24
    return total


def step_25(value):
    total = value + 25
    return total


def step_26(value):
    total = value + 26
    return total


def step_27(value):
    total = value + 27
    return total


def step_28(value):
    total = value + 28
    return total


def step_29(value):
    total = value + 29
    return total


def step_30(value):
    total = value + 30
    return total


def step_31(value):
    total = value + 31
    return total


def step_32(value):
    total = value + 32
    return total


def step_33(value):
    total = value + 33
    return total


def step_34(value):
    total = value + 34
    return total


def step_35(value):
    total = value + 35
    return total


def step_36(value):
    total = value + 36
    return total


def step_37(value):
    total = value + 37
    return total


def step_38(value):
    total = value + 38
    return total


def step_39(value):
    total = value + 39
    return total


def step_40(value):
    total = value + 40
    return total


def step_41(value):
    total = value + 41
    return total


def step_42(value):
    total = value + 42
    return total


def step_43(value):
    total = value + 43
    return total


def step_44(value):
    total = value + 44
    return total


def step_45(value):
    total = value + 45
    return total


def step_46(value):
    total = value + 46
    return total


def step_47(value):
    total = value + 47
    return total


def step_48(value):
    total = value + 48
    return total


def step_49(value):
    total = value + 49
    return total


def step_50(value):
    total = value + 50
    return total


def step_51(value):
    total = value + 51
    return total


def step_52(value):
    total = value + 52
    return total


def step_53(value):
    total = value + 53
    return total


def step_54(value):
    total = value + 54
    return total


def step_55(value):
    total = value + 55
    return total


def step_56(value):
    total = value + 56
    return total


def step_57(value):
    total = value + 57
    return total


def step_58(value):
    total = value + 58
    return total


def step_59(value):
    total = value + 59
    return total


def step_60(value):
    total = value + 60
    return total


def step_61(value):
    total = value + 61
    return total


def step_62(value):
    total = value + 62
    return total


def step_63(value):
    total = value + 63
    return total


def step_64(value):
    total = value + 64
    return total


def step_65(value):
    total = value + 65
    return total


def step_66(value):
    total = value + 66
    return total


def step_67(value):
    total = value + 67
    return total


def step_68(value):
    total = value + 68
    return total


def step_69(value):
    total = value + 69
    return total


def step_70(value):
    total = value + 70
    return total


def step_71(value):
    total = value + 71
    return total


def step_72(value):
    total = value + 72
    return total


def step_73(value):
    total = value + 73
    return total


def step_74(value):
    total = value + 74
    return total


def step_75(value):
    total = value + 75
    return total


def step_76(value):
    total = value + 76
    return total


def step_77(value):
    total = value + 77
    return total


def step_78(value):
    total = value + 78
    return total


def step_79(value):
    total = value + 79
    return total


def step_80(value):
    total = value + 80
    return total


def step_81(value):
    total = value + 81
    return total


def step_82(value):
    total = value + 82
    return total


def step_83(value):
    total = value + 83
    return total


def step_84(value):
    total = value + 84
    return total


def step_85(value):
    total = value + 85
    return total


def step_86(value):
    total = value + 86
    return total


def step_87(value):
    total = value + 87
    return total


def step_88(value):
    total = value + 88
    return total


def step_89(value):
    total = value + 89
    return total


def step_90(value):
    total = value + 90
    return total


def step_91(value):
    total = value + 91
    return total


def step_92(value):
    total = value + 92
    return total


def step_93(value):
    total = value + 93
    return total


def step_94(value):
    total = value + 94
    return total


def step_95(value):
    total = value + 95
    return total


def step_96(value):
    total = value + 96
    return total


def step_97(value):
    total = value + 97
    return total


def step_98(value):
    total = value + 98
    return total


def step_99(value):
    total = value + 99
    return total


def step_100(value):
    total = value + 100
    return total


def step_101(value):
    total = value + 101
    return total


def step_102(value):
    total = value + 102
    return total


def step_103(value):
    total = value + 103
    return total


def step_104(value):
    total = value + 104
    return total


def step_105(value):
    total = value + 105
    return total


def step_106(value):
    total = value + 106
    return total


def step_107(value):
    total = value + 107
    return total


def step_108(value):
    total = value + 108
    return total


def step_109(value):
    total = value + 109
    return total


def step_110(value):
    total = value + 110
    return total


def step_111(value):
    total = value + 111
    return total


def step_112(value):
    total = value + 112
    return total


def step_113(value):
    total = value + 113
    return total


def step_114(value):
    total = value + 114
    return total


def step_115(value):
    total = value + 115
    return total


def step_116(value):
    total = value + 116
    return total


def step_117(value):
    total = value + 117
    return total


def step_118(value):
    total = value + 118
    return total


def step_119(value):
    total = value + 119
    return total


def step_120(value):
    total = value + 120
    return total


def step_121(value):
    total = value + 121
    return total


def step_122(value):
    total = value + 122
    return total


def step_123(value):
    total = value + 123
    return total


def step_124(value):
    total = value + 124
    return total


def step_125(value):
    total = value + 125
    return total


def step_126(value):
    total = value + 126
    return total


def step_127(value):
    total = value + 127
    return total


def step_128(value):
    total = value + 128
    return total


def step_129(value):
    total = value + 129
    return total


def step_130(value):
    total = value + 130
    return total


def step_131(value):
    total = value + 131
    return total


def step_132(value):
    total = value + 132
    return total


def step_133(value):
    total = value + 133
    return total


def step_134(value):
    total = value + 134
    return total


def step_135(value):
    total = value + 135
    return total


def step_136(value):
    total = value + 136
    return total


def step_137(value):
    total = value + 137
    return total


def step_138(value):
    total = value + 138
    return total


def step_139(value):
    total = value + 139
    return total


def step_140(value):
    total = value + 140
    return total


def step_141(value):
    total = value + 141
    return total


def step_142(value):
    total = value + 142
    return total


def step_143(value):
    total = value + 143
    return total


def step_144(value):
    total = value + 144
    return total


def step_145(value):
    total = value + 145
    return total


def step_146(value):
    total = value + 146
    return total


def step_147(value):
    total = value + 147
    return total


def step_148(value):
    total = value + 148
    return total


def step_149(value):
    total = value + 149
    return total


def step_150(value):
    total = value + 150
    return total


def step_151(value):
    total = value + 151
    return total


def step_152(value):
    total = value + 152
    return total


def step_153(value):
    total = value + 153
    return total


def step_154(value):
    total = value + 154
    return total


def step_155(value):
    total = value + 155
    return total


def step_156(value):
    total = value + 156
    return total


def step_157(value):
    total = value + 157
    return total


def step_158(value):
    total = value + 158
    return total


def step_159(value):
    total = value + 159
    return total


def step_160(value):
    total = value + 160
    return total


def step_161(value):
    total = value + 161
    return total


def step_162(value):
    total = value + 162
    return total


def step_163(value):
    total = value + 163
    return total


def step_164(value):
    total = value + 164
    return total


def step_165(value):
    total = value + 165
    return total


def step_166(value):
    total = value + 166
    return total


def step_167(value):
    total = value + 167
    return total


def step_168(value):
    total = value + 168
    return total


def step_169(value):
    total = value + 169
    return total


def step_170(value):
    total = value + 170
    return total


def step_171(value):
    total = value + 171
    return total


def step_172(value):
    total = value + 172
    return total


def step_173(value):
    total = value + 173
    return total


def step_174(value):
    total = value + 174
    return total


def step_175(value):
    total = value + 175
    return total


def step_176(value):
    total = value + 176
    return total


def step_177(value):
    total = value + 177
    return total


def step_178(value):
    total = value + 178
    return total


def step_179(value):
    total = value + 179
    return total


def step_180(value):
    total = value + 180
    return total


def step_181(value):
    total = value + 181
    return total


def step_182(value):
    total = value + 182
    return total


def step_183(value):
    total = value + 183
    return total


def step_184(value):
    total = value + 184
    return total


def step_185(value):
    total = value + 185
    return total


def step_186(value):
    total = value + 186
    return total


def step_187(value):
    total = value + 187
    return total


def step_188(value):
    total = value + 188
    return total


def step_189(value):
    total = value + 189
    return total


def step_190(value):
    total = value + 190
    return total


def step_191(value):
    total = value + 191
    return total


def step_192(value):
    total = value + 192
    return total


def step_193(value):
    total = value + 193
    return total


def step_194(value):
    total = value + 194
    return total


def step_195(value):
    total = value + 195
    return total


def step_196(value):
    total = value + 196
    return total


def step_197(value):
    total = value + 197
    return total


def step_198(value):
    total = value + 198
    return total


def step_199(value):
    total = value + 199
    return total


def step_200(value):
    total = value + 200
    return total


def step_201(value):
    total = value + 201
    return total


def step_202(value):
    total = value + 202
    return total


def step_203(value):
    total = value + 203
    return total


def step_204(value):
    total = value + 204
    return total


def step_205(value):
    total = value + 205
    return total


def step_206(value):
    total = value + 206
    return total


def step_207(value):
    total = value + 207
    return total


def step_208(value):
    total = value + 208
    return total


def step_209(value):
    total = value + 209
    return total


def step_210(value):
    total = value + 210
    return total


def step_211(value):
    total = value + 211
    return total


def step_212(value):
    total = value + 212
    return total


def step_213(value):
    total = value + 213
    return total


def step_214(value):
    total = value + 214
    return total


def step_215(value):
    total = value + 215
    return total


def step_216(value):
    total = value + 216
    return total


def step_217(value):
    total = value + 217
    return total


def step_218(value):
    total = value + 218
    return total


def step_219(value):
    total = value + 219
    return total


def step_220(value):
    total = value + 220
    return total


def step_221(value):
    total = value + 221
    return total


def step_222(value):
    total = value + 222
    return total


def step_223(value):
    total = value + 223
    return total


def step_224(value):
    total = value + 224
    return total


def step_225(value):
    total = value + 225
    return total


def step_226(value):
    total = value + 226
    return total


def step_227(value):
    total = value + 227
    return total


def step_228(value):
    total = value + 228
    return total


def step_229(value):
    total = value + 229
    return total


def step_230(value):
    total = value + 230
    return total


def step_231(value):
    total = value + 231
    return total


def step_232(value):
    total = value + 232
    return total


def step_233(value):
    total = value + 233
    return total


def step_234(value):
    total = value + 234
    return total


def step_235(value):
    total = value + 235
    return total


def step_236(value):
    total = value + 236
    return total


def step_237(value):
    total = value + 237
    return total


def step_238(value):
    total = value + 238
    return total


def step_239(value):
    total = value + 239
    return total


def step_240(value):
    total = value + 240
    return total


def step_241(value):
    total = value + 241
    return total


def step_242(value):
    total = value + 242
    return total


def step_243(value):
    total = value + 243
    return total


def step_244(value):
    total = value + 244
    return total


def step_245(value):
    total = value + 245
    return total


def step_246(value):
    total = value + 246
    return total


def step_247(value):
    total = value + 247
    return total


def step_248(value):
    total = value + 248
    return total


def step_249(value):
    total = value + 249
    return total


def step_250(value):
    total = value + 250
    return total


def step_251(value):
    total = value + 251
    return total


def step_252(value):
    total = value + 252
    return total


def step_253(value):
    total = value + 253
    return total


def step_254(value):
    total = value + 254
    return total


def step_255(value):
    total = value + 255
    return total


def step_256(value):
    total = value + 256
    return total


def step_257(value):
    total = value + 257
    return total


def step_258(value):
    total = value + 258
    return total


def step_259(value):
    total = value + 259
    return total


def step_260(value):
    total = value + 260
    return total


def step_261(value):
    total = value + 261
    return total


def step_262(value):
    total = value + 262
    return total


def step_263(value):
    total = value + 263
    return total


def step_264(value):
    total = value + 264
    return total


def step_265(value):
    total = value + 265
    return total


def step_266(value):
    total = value + 266
    return total


def step_267(value):
    total = value + 267
    return total


def step_268(value):
    total = value + 268
    return total


def step_269(value):
    total = value + 269
    return total


def step_270(value):
    total = value + 270
    return total


def step_271(value):
    total = value + 271
    return total


def step_272(value):
    total = value + 272
    return total


def step_273(value):
    total = value + 273
    return total


def step_274(value):
    total = value + 274
    return total


def step_275(value):
    total = value + 275
    return total


def step_276(value):
    total = value + 276
    return total


def step_277(value):
    total = value + 277
    return total


def step_278(value):
    total = value + 278
    return total


def step_279(value):
    total = value + 279
    return total


def step_280(value):
    total = value + 280
    return total


def step_281(value):
    total = value + 281
    return total


def step_282(value):
    total = value + 282
    return total


def step_283(value):
    total = value + 283
    return total


def step_284(value):
    total = value + 284
    return total


def step_285(value):
    total = value + 285
    return total


def step_286(value):
    total = value + 286
    return total


def step_287(value):
    total = value + 287
    return total


def step_288(value):
    total = value + 288
    return total


def step_289(value):
    total = value + 289
    return total


def step_290(value):
    total = value + 290
    return total


def step_291(value):
    total = value + 291
    return total


def step_292(value):
    total = value + 292
    return total


def step_293(value):
    total = value + 293
    return total


def step_294(value):
    total = value + 294
    return total


def step_295(value):
    total = value + 295
    return total


def step_296(value):
    total = value + 296
    return total


def step_297(value):
    total = value + 297
    return total


def step_298(value):
    total = value + 298
    return total


def step_299(value):
    total = value + 299
    return total


def step_300(value):
    total = value + 300
    return total


def step_301(value):
    total = value + 301
    return total


def step_302(value):
    total = value + 302
    return total


def step_303(value):
    total = value + 303
    return total


def step_304(value):
    total = value + 304
    return total


def step_305(value):
    total = value + 305
    return total


def step_306(value):
    total = value + 306
    return total


def step_307(value):
    total = value + 307
    return total


def step_308(value):
    total = value + 308
    return total


def step_309(value):
    total = value + 309
    return total


def step_310(value):
    total = value + 310
    return total


def step_311(value):
    total = value + 311
    return total


def step_312(value):
    total = value + 312
    return total


def step_313(value):
    total = value + 313
    return total


def step_314(value):
    total = value + 314
    return total


def step_315(value):
    total = value + 315
    return total


def step_316(value):
    total = value + 316
    return total


def step_317(value):
    total = value + 317
    return total


def step_318(value):
    total = value + 318
    return total


def step_319(value):
    total = value + 319
    return total


def step_320(value):
    total = value + 320
    return total


def step_321(value):
    total = value + 321
    return total


def step_322(value):
    total = value + 322
    return total


def step_323(value):
    total = value + 323
    return total


def step_324(value):
    total = value + 324
    return total


def step_325(value):
    total = value + 325
    return total


def step_326(value):
    total = value + 326
    return total


def step_327(value):
    total = value + 327
    return total


def step_328(value):
    total = value + 328
    return total


def step_329(value):
    total = value + 329
    return total


def step_330(value):
    total = value + 330
    return total


def step_331(value):
    total = value + 331
    return total


def step_332(value):
    total = value + 332
    return total


def step_333(value):
    total = value + 333
    return total


def step_334(value):
    total = value + 334
    return total


def step_335(value):
    total = value + 335
    return total


def step_336(value):
    total = value + 336
    return total


def step_337(value):
    total = value + 337
    return total


def step_338(value):
    total = value + 338
    return total


def step_339(value):
    total = value + 339
    return total


def step_340(value):
    total = value + 340
    return total


def step_341(value):
    total = value + 341
    return total


def step_342(value):
    total = value + 342
    return total


def step_343(value):
    total = value + 343
    return total


def step_344(value):
    total = value + 344
    return total


def step_345(value):
    total = value + 345
    return total


def step_346(value):
    total = value + 346
    return total


def step_347(value):
    total = value + 347
    return total


def step_348(value):
    total = value + 348
    return total


def step_349(value):
    total = value + 349
    return total


def step_350(value):
    total = value + 350
    return total


def step_351(value):
    total = value + 351
    return total


def step_352(value):
    total = value + 352
    return total


def step_353(value):
    total = value + 353
    return total


def step_354(value):
    total = value + 354
    return total


def step_355(value):
    total = value + 355
    return total


def step_356(value):
    total = value + 356
    return total


def step_357(value):
    total = value + 357
    return total


def step_358(value):
    total = value + 358
    return total


def step_359(value):
    total = value + 359
    return total


def step_360(value):
    total = value + 360
    return total


def step_361(value):
    total = value + 361
    return total


def step_362(value):
    total = value + 362
    return total


def step_363(value):
    total = value + 363
    return total


def step_364(value):
    total = value + 364
    return total


def step_365(value):
    total = value + 365
    return total


def step_366(value):
    total = value + 366
    return total


def step_367(value):
    total = value + 367
    return total


def step_368(value):
    total = value + 368
    return total


def step_369(value):
    total = value + 369
    return total


def step_370(value):
    total = value + 370
    return total


def step_371(value):
    total = value + 371
    return total


def step_372(value):
    total = value + 372
    return total


def step_373(value):
    total = value + 373
    return total


def step_374(value):
    total = value + 374
    return total


def step_375(value):
    total = value + 375
    return total


def step_376(value):
    total = value + 376
    return total


def step_377(value):
    total = value + 377
    return total


def step_378(value):
    total = value + 378
    return total


def step_379(value):
    total = value + 379
    return total


def step_380(value):
    total = value + 380
    return total


def step_381(value):
    total = value + 381
    return total


def step_382(value):
    total = value + 382
    return total


def step_383(value):
    total = value + 383
    return total


def step_384(value):
    total = value + 384
    return total


def step_385(value):
    total = value + 385
    return total


def step_386(value):
    total = value + 386
    return total


def step_387(value):
    total = value + 387
    return total


def step_388(value):
    total = value + 388
    return total


def step_389(value):
    total = value + 389
    return total


def step_390(value):
    total = value + 390
    return total


def step_391(value):
    total = value + 391
    return total


def step_392(value):
    total = value + 392
    return total


def step_393(value):
    total = value + 393
    return total


def step_394(value):
    total = value + 394
    return total


def step_395(value):
    total = value + 395
    return total


def step_396(value):
    total = value + 396
    return total


def step_397(value):
    total = value + 397
    return total


def step_398(value):
    total = value + 398
    return total


def step_399(value):
    total = value + 399
    return total


